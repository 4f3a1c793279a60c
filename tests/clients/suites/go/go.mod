module codes

go 1.18
