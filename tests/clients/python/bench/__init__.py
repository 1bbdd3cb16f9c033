"""What the Python tests are built from: a broker of their own, a proxy that loses packets, a client
that looks the same for both generations of paho-mqtt, and waiting with a deadline."""
