-- A path that nobody has asked for yet, every time. wrk -s unique.lua <url> -- <folder> <run>
local count, before, after = 0, "", ""

function init(arguments)
  before = "GET /" .. arguments[1] .. "/" .. arguments[2] .. "/"
  after = ".html HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port .. "\r\n\r\n"
end

function request()
  count = count + 1
  return before .. count .. after
end
