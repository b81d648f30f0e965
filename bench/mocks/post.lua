-- Sends the bodies in $BODIES, files named 0 to $COUNT - 1, one after the other, each a form of $TYPE.
local count = tonumber(os.getenv("COUNT"))
local requests = {}
local sent = 0

function init(arguments)
  local headers = {
    ["Content-Type"] = os.getenv("TYPE"),
    ["X-Picsart-API-Key"] = "dev",
  }
  for number = 0, count - 1 do
    local file = io.open(os.getenv("BODIES") .. "/" .. number, "rb")
    requests[number] = wrk.format("POST", "/v1/painting/outpaint", headers, file:read("*a"))
    file:close()
  end
end

function request()
  sent = sent + 1
  return requests[sent % count]
end
