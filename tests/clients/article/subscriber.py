"""Prints the temperatures that the publisher sends; each takes a second to work on.

    python subscriber.py [HOST [PORT]]
"""

import sys
import time

import paho.mqtt.client as mqtt

host = sys.argv[1] if len(sys.argv) > 1 else "localhost"
port = int(sys.argv[2]) if len(sys.argv) > 2 else 1883


def on_connect(client, userdata, flags, rc):
    print(f"connected, rc {rc}", flush=True)
    client.subscribe("sensor/temperature", qos=1)


def on_subscribe(client, userdata, mid, granted_qos):
    print(f"subscribed, granted QoS {granted_qos[0]}", flush=True)


def on_message(client, userdata, message):
    temperature = message.payload.decode()
    print(f"received {temperature} at QoS {message.qos}", flush=True)
    time.sleep(1)
    print(f"done with {temperature}", flush=True)


client = mqtt.Client()
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
client.connect(host, port)
client.loop_start()

while True:
    time.sleep(1)
