"""What the operations of the admin API do, by what they do it to; `admin.operations` is the table of them."""
