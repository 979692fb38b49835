module vendor.example/server

go 1.26
