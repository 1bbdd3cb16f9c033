// What the tests of MQTT.js are built from: a broker per test and waiting with a deadline.
//
// `BOWLINE_TEST_BROKER` names the broker's command as in ../python/bench/broker.py, and
// `BOWLINE_TEST_MQTTJS` the folder into which npm installed package.json.

import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
const root = path.resolve(here, '../../..')
const installed = process.env.BOWLINE_TEST_MQTTJS ?? path.join(root, '.test/mqttjs')
export const mqtt = createRequire(path.join(installed, 'package.json'))('mqtt')

const DEADLINE_MS = 20_000
const LOG_LINES_SHOWN = 100
const target = process.env.CARGO_TARGET_DIR ?? path.join(root, 'target')
const bowline = path.join(target, 'release/bowline')
const command =
  process.env.BOWLINE_TEST_BROKER ||
  `${bowline} serve --listen 127.0.0.1:{any_port} --data-dir {data} -v`

class Broker {
  static async start () {
    const broker = new Broker()
    broker.directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bowline-mqttjs-'))
    const data = path.join(broker.directory, 'data')
    fs.mkdirSync(data)
    const free = command.includes('{port}') ? await freePort() : 0
    const words = command.split(/\s+/).map(word =>
      word.replace('{data}', data).replace('{port}', free).replace('{any_port}', 0))
    broker.output = ''
    broker.process = spawn(words[0], words.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' }
    })
    for (const stream of [broker.process.stdout, broker.process.stderr]) {
      stream.on('data', data => { broker.output += data })
    }
    broker.ended = new Promise(resolve => broker.process.once('exit', resolve))
    broker.port = await poll('the broker to listen', async () => {
      if (broker.process.exitCode !== null) throw new Error(`broker ended: ${broker.output}`)
      if (free) return (await accepts(free)) && free
      const said = /listening on .*?127\.0\.0\.1:(\d+)/.exec(broker.output)
      return said && Number(said[1])
    })
    return broker
  }

  async stop () {
    this.process.kill('SIGTERM')
    const status = await this.ended
    fs.rmSync(this.directory, { recursive: true, force: true })
    if (status !== 0) throw new Error(`the broker stopped with status ${status}: ${this.log()}`)
  }

  log () {
    return this.output.split('\n').slice(-LOG_LINES_SHOWN).join('\n')
  }
}

// A test with a broker of its own. Its body is given `client(options)`, which connects, and the
// broker; when it fails, the end of the broker's log stands below. `mosquittoDiffers` says why
// mosquitto is known to fail it; bowline is not.
export function brokerTest (name, body, { mosquittoDiffers } = {}) {
  const todo = command.includes('mosquitto') && mosquittoDiffers
  return test(name, { timeout: 3 * DEADLINE_MS, todo }, async t => {
    const broker = await Broker.start()
    const clients = []
    const client = async (options = {}) => {
      const url = `mqtt://127.0.0.1:${broker.port}`
      const made = mqtt.connect(url, { reconnectPeriod: 50, ...options })
      clients.push(made)
      // Before CONNACK: the messages of a session that waits come right behind it.
      made.got = []
      made.on('message', (topic, payload, packet) => made.got.push({ topic, payload, packet }))
      made.on('error', () => {}) // an error ends in `close`, which the tests wait for
      await within('CONNACK', new Promise(resolve => made.once('connect', resolve)))
      return made
    }
    try {
      await body({ client, broker })
    } catch (error) {
      t.diagnostic(`end of the broker's log:\n${broker.log()}`)
      throw error
    } finally {
      for (const made of clients) made.end(true)
      await broker.stop()
    }
  })
}

export function within (what, promise) {
  let timer
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${DEADLINE_MS} ms for ${what}`)), DEADLINE_MS)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

// Until `count` messages came; returns their payloads as text.
export async function messages (client, count) {
  await poll(`message ${count}`, () => client.got.length >= count)
  return client.got.map(({ payload }) => payload.toString())
}

export async function poll (what, condition) {
  const end = Date.now() + DEADLINE_MS
  for (;;) {
    const value = await condition()
    if (value) return value
    if (Date.now() > end) throw new Error(`waited ${DEADLINE_MS} ms in vain for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

// The connection just ends, as when the cable is pulled; the client does not come back.
export async function cut (client) {
  client.options.reconnectPeriod = 0
  client.stream.destroy()
  await poll('the end of the connection', () => !client.connected)
}

function freePort () {
  return new Promise(resolve => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}

function accepts (port) {
  return new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1')
    socket.once('connect', () => { socket.destroy(); resolve(true) })
    socket.once('error', () => resolve(false))
  })
}
