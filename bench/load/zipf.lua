-- Objects by Zipf's law: the n-th is asked for n^-EXPONENT times as often as the first. wrk -s zipf.lua <url> -- <folder> <seed>
local OBJECTS, EXPONENT = 20000, 0.9
-- KiB of an object, by its number: a mean of 13, and a hundredth of the objects is a third of the bytes.
local SIZES = { 1, 2, 2, 3, 3, 4, 4, 6, 8, 8, 12, 16, 24, 32, 64, 20 }

local upTo, total, host, folder = {}, 0, "", ""

function init(arguments)
  folder = arguments[1]
  math.randomseed(tonumber(arguments[2]))
  for n = 1, OBJECTS do
    total = total + n ^ -EXPONENT
    upTo[n] = total
  end
  host = "\r\nHost: " .. wrk.host .. ":" .. wrk.port .. "\r\n\r\n"
end

function request()
  local wanted, low, high = math.random() * total, 1, OBJECTS
  while low < high do
    local middle = math.floor((low + high) / 2)
    if upTo[middle] < wanted then low = middle + 1 else high = middle end
  end
  return "GET /" .. folder .. "/" .. SIZES[low * 7 % #SIZES + 1] .. "k-" .. low .. ".html HTTP/1.1" .. host
end
