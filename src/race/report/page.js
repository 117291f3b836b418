// Sorts a table by the column whose head is clicked, and hides servers that are not asked for. Without it, the page
// says the same.
'use strict';
(() => {
  const units = {ns: 1e-9, 'µs': 1e-6, ms: 1e-3, s: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4};
  const value = cell => {
    const text = cell.textContent.trim().replaceAll(',', '');
    // The unit of an interval stands behind its end.
    const number = /^\u00d7?(\d+(?:\.\d+)?)(?:–\d+(?:\.\d+)?)?\s*(ns|µs|ms|s|KiB|MiB|GiB|TiB)?/;
    const [, low, unit] = text.match(number) ?? [];
    return low === undefined ? text : Number(low) * (units[unit] ?? 1);
  };
  const compare = (a, b, sign) => {
    const [left, right] = [value(a), value(b)];
    // What is no number stands last, whichever way it is sorted.
    if (typeof left !== typeof right) return typeof left === 'number' ? -1 : 1;
    return sign * (typeof left === 'number' ? left - right : left.localeCompare(right));
  };
  const tables = [...document.querySelectorAll('table')].filter(table => table.tBodies[0].rows.length > 1);
  for (const table of tables) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      if (head.textContent.trim() === '') return;
      const button = document.createElement('button');
      button.append(...head.childNodes);
      button.title = 'Sort';
      head.append(button);
      button.onclick = () => {
        const falls = head.getAttribute('aria-sort') === 'ascending';
        for (const other of heads) other.removeAttribute('aria-sort');
        head.setAttribute('aria-sort', falls ? 'descending' : 'ascending');
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => compare(a.cells[column], b.cells[column], falls ? -1 : 1));
        table.tBodies[0].append(...rows);
      };
    });
  }
  const place = document.querySelector('header');
  if (tables.some(table => table.tBodies[0].rows.length > 5)) {
    const label = document.createElement('label');
    const input = document.createElement('input');
    input.type = 'search';
    input.placeholder = 'all';
    label.className = 'filter';
    label.append('Servers in the tables: ', input);
    place.append(label);
    input.oninput = () => {
      const words = input.value.toLowerCase().split(/[\s,]+/).filter(word => word !== '');
      for (const table of tables) for (const row of table.tBodies[0].rows) {
        const name = row.cells[0].textContent.toLowerCase();
        row.hidden = words.length > 0 && !words.some(word => name.includes(word));
      }
    };
  }
})();
