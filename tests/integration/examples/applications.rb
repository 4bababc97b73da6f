require 'net/http'
require 'json'

uri = URI("#{ENV['ADDRESS']}/api/v1/applications/#{ENV['APPLICATION_ID']}/api-keys/#{ENV['KEY_ID']}")
http = Net::HTTP.new(uri.host, uri.port)
http.use_ssl = uri.scheme == 'https'
request = Net::HTTP::Delete.new(uri)
request['Content-Type'] = 'application/json'
request['Authorization'] = "Bearer #{ENV['API_KEY']}"
response = http.request(request)
puts response.body
