-- One connection for each thread, and a fixed number of requests for each: so nothing is under way
-- when wrk ends, and every request is counted by everybody. Kinds: get, post, chunked.
local kind, count = "get", 1000
local bodies = {
    get = nil,
    post = string.rep("x", 20000),
    chunked = "3e8\r\n" .. string.rep("y", 1000) .. "\r\n1\r\nz\r\n0\r\n\r\n",
}
local request_bytes

function init(args)
    kind, count = args[1], tonumber(args[2])
    local head = (kind == "get" and "GET" or "POST") .. " /" .. kind .. " HTTP/1.1\r\nHost: a\r\n"
    local body = bodies[kind]
    if kind == "post" then
        head = head .. "Content-Length: " .. #body .. "\r\n"
    elseif kind == "chunked" then
        head = head .. "Transfer-Encoding: chunked\r\n"
    end
    request_bytes = head .. "\r\n" .. (body or "")
    wanted = "Hello, visitor! You've requested: /" .. kind .. "\n"
    answered, wrong = 0, 0
end

function request()
    return request_bytes
end

function response(status, _, body)
    answered = answered + 1
    if status ~= 200 or body ~= wanted then
        wrong = wrong + 1
    end
    if answered == count then
        wrk.thread:stop()
    end
end

local threads = {}
function setup(thread)
    table.insert(threads, thread)
end

function done()
    local total, bad = 0, 0
    for _, thread in ipairs(threads) do
        total = total + thread:get("answered")
        bad = bad + thread:get("wrong")
    end
    io.write(string.format("answered %d wrong %d\n", total, bad))
end
