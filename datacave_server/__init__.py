"""The server: where files, sockets, time and the other packages meet; the only package that knows all of them."""
