"""Certificates of an authority of the test's own, by openssl."""

import subprocess


def openssl(folder, *words):
    ran = subprocess.run(["openssl", *words], cwd=folder, capture_output=True, text=True)
    if ran.returncode != 0:
        raise OSError(f"openssl {' '.join(words)}: {ran.stderr}")


def key(name):
    curve = "ec_paramgen_curve:P-256"
    return ("-newkey", "ec", "-pkeyopt", curve, "-nodes", "-keyout", f"{name}.key")


def authority(folder, name):
    """`name.pem` and `name.key`."""
    subject = ("-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign")
    openssl(folder, "req", "-x509", *key(name), "-out", f"{name}.pem", "-days", "2", *subject)


def signed(folder, issuer, name, days=2, alternatives="DNS:localhost,IP:127.0.0.1"):
    """A certificate in `name.pem`, with its key behind it, as HAProxy reads it. With -1 day it has expired."""
    openssl(folder, "req", *key(name), "-out", f"{name}.csr", "-subj", f"/CN={name}")
    (folder / f"{name}.ext").write_text(f"subjectAltName={alternatives}\n")
    by = ("-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key", "-days", str(days))
    request = ("-req", "-in", f"{name}.csr", "-extfile", f"{name}.ext")
    openssl(folder, "x509", *request, *by, "-out", f"{name}.pem")
    both = (folder / f"{name}.pem").read_text() + (folder / f"{name}.key").read_text()
    (folder / f"{name}.pem").write_text(both)
