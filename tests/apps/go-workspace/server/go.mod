module example.com/server

go 1.22

require example.com/greeting v0.0.0
