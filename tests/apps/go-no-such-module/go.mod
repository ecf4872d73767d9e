module example.com/app

go 1.22

require example.invalid/no/such v1.0.0
