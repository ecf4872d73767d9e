require 'sinatra'

get '/' do
  'Hello from Ruby'
end
