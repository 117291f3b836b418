local r = lighty.r
r.resp_header["Content-Type"] = "text/plain; charset=utf-8"
r.resp_body.set({ "Hello, visitor! You've requested: " .. r.req_attr["uri.path"] .. "\n" })
return 200
