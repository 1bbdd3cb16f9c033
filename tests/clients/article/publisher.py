"""Sends five temperatures, two seconds apart, and lets MQTT see to it that they arrive (QoS 1).

    python publisher.py [HOST [PORT]]
"""

import sys
import time

import paho.mqtt.client as mqtt

host = sys.argv[1] if len(sys.argv) > 1 else "localhost"
port = int(sys.argv[2]) if len(sys.argv) > 2 else 1883


def on_connect(client, userdata, flags, rc):
    print(f"connected, rc {rc}", flush=True)


def on_publish(client, userdata, mid):
    print(f"acknowledged: packet {mid}", flush=True)


client = mqtt.Client()
client.on_connect = on_connect
client.on_publish = on_publish
client.connect(host, port)
client.loop_start()

for degrees in range(20, 25):
    message = f"temp:{degrees}"
    info = client.publish("sensor/temperature", message, qos=1)
    print(f"sent {message} as packet {info.mid}", flush=True)
    time.sleep(2)

client.loop_stop()
client.disconnect()
