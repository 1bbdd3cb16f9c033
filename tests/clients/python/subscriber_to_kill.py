"""A subscriber that takes a message and never comes to its end; the test kills it meanwhile.

Arguments: port, protocol version, and a file that gets a line for what happened.
"""

import sys
import threading

from bench.peer import Peer


def main():
    port, version, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    with open(path, "a", buffering=1) as happened:

        def on_message(_peer, message):
            happened.write(f"{message.payload.decode()} {message.mid} \n")
            threading.Event().wait()  # paho acknowledges when this returns: never

        peer = Peer(port, "reader", version=version, lasting=True, on_message=on_message)
        peer.connect()
        peer.subscribe("t", qos=1)
        happened.write("subscribed\n")
        threading.Event().wait()


if __name__ == "__main__":
    main()
