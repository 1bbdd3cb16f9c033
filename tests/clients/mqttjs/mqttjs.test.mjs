// MQTT.js, which Zigbee2MQTT and Node-RED are built on, in 3.1, 3.1.1 and 5.0.

import assert from 'node:assert/strict'

import { brokerTest, cut, messages, poll, within } from './bench.mjs'

const QOS = [0, 1, 2]
const VERSIONS = {
  3.1: { protocolVersion: 3, protocolId: 'MQIsdp' },
  '3.1.1': { protocolVersion: 4 },
  '5.0': { protocolVersion: 5 }
}

for (const [name, version] of Object.entries(VERSIONS)) {
  const lasting = clientId => ({
    ...version,
    clientId,
    clean: false,
    ...(version.protocolVersion === 5 && { properties: { sessionExpiryInterval: 3600 } })
  })

  brokerTest(`${name}: publish and subscribe at every QoS`, async ({ client }) => {
    const [publisher, subscriber] = [await client(version), await client(version)]
    for (const qos of QOS) {
      const [grant] = await within('SUBACK', subscriber.subscribeAsync(`at/${qos}`, { qos }))
      assert.equal(grant.qos, qos)
    }
    for (const granted of QOS) {
      for (const qos of QOS) {
        await within('PUBACK', publisher.publishAsync(`at/${granted}`, `${qos}`, { qos }))
      }
    }
    await messages(subscriber, 9)
    const got = subscriber.got.map(m => `${m.topic} ${m.payload} ${m.packet.qos}`).sort()
    const expected = QOS.flatMap(g => QOS.map(q => `at/${g} ${q} ${Math.min(g, q)}`)).sort()
    assert.deepEqual(got, expected)
  })

  brokerTest(`${name}: a persistent session keeps what was missed`, async ({ client }) => {
    const first = await client(lasting('fridge'))
    await within('SUBACK', first.subscribeAsync('kitchen/#', { qos: 2 }))
    await within('the end', first.endAsync())
    const publisher = await client(version)
    for (const qos of [1, 2]) await publisher.publishAsync('kitchen/door', `${qos}`, { qos })

    // The session remembers the subscription, so MQTT.js does not have to.
    const again = await client({ ...lasting('fridge'), resubscribe: false })
    assert.deepEqual((await messages(again, 2)).sort(), ['1', '2'])
    assert.deepEqual(again.got.map(m => m.packet.dup), [false, false])
  })

  brokerTest(`${name}: a will is published, and retained`, async ({ client }) => {
    const watcher = await client(version)
    await watcher.subscribeAsync('status/#', { qos: 1 })
    const will = { topic: 'status/pump', payload: Buffer.from('offline'), qos: 1, retain: true }
    await cut(await client({ ...version, will }))
    assert.deepEqual(await messages(watcher, 1), ['offline'])
    assert.equal(watcher.got[0].packet.retain, false)
    const late = await client(version)
    await late.subscribeAsync('status/#', { qos: 1 })
    assert.deepEqual(await messages(late, 1), ['offline'])
    assert.equal(late.got[0].packet.retain, true)
  })

  brokerTest(`${name}: retained messages`, async ({ client }) => {
    const publisher = await client(version)
    for (const qos of QOS) {
      await publisher.publishAsync(`shelf/${qos}`, `kept ${qos}`, { qos, retain: true })
    }
    await publisher.publishAsync('shelf/1', '', { qos: 1, retain: true })
    const reader = await client(version)
    await reader.subscribeAsync('shelf/#', { qos: 2 })
    assert.deepEqual((await messages(reader, 2)).sort(), ['kept 0', 'kept 2'])
    assert.ok(reader.got.every(m => m.packet.retain))
    await publisher.publishAsync('shelf/2', 'live', { qos: 1, retain: true })
    assert.equal((await messages(reader, 3))[2], 'live')
    assert.equal(reader.got[2].packet.retain, false)
  })

  brokerTest(`${name}: unsubscribe`, async ({ client }) => {
    const both = await client(version)
    await both.subscribeAsync(['a', 'b'], { qos: 1 })
    await within('UNSUBACK', both.unsubscribeAsync('a'))
    await both.publishAsync('a', 'not wanted', { qos: 1 })
    await both.publishAsync('b', 'wanted', { qos: 1 })
    assert.deepEqual(await messages(both, 1), ['wanted'])
  })

  brokerTest(`${name}: comes back by itself and goes on`, async ({ client }) => {
    const [publisher, subscriber] = [await client(version), await client(lasting('roaming'))]
    await subscriber.subscribeAsync('t', { qos: 1 })
    const back = new Promise(resolve => subscriber.once('connect', resolve))
    subscriber.stream.destroy()
    const sent = Array.from({ length: 50 }, (_, n) => `${n}`)
    await Promise.all(sent.map(n => publisher.publishAsync('t', n, { qos: 1 })))
    await within('the reconnection', back)
    const payloads = await messages(subscriber, 50)
    assert.deepEqual([...new Set(payloads)], sent)
  })
}

brokerTest('zigbee2mqtt: finds its own large retained message in time', async ({ client }) => {
  // It subscribes to everything below its base, so it gets its own, and asks whether its state
  // from before is still there; if not, it publishes all of it again.
  const will = { topic: 'zigbee2mqtt/bridge/state', payload: 'offline', qos: 1, retain: true }
  const bridge = { ...VERSIONS['3.1.1'], will }
  const before = await client(bridge)
  const device = (_, n) => ({ n, padding: 'x'.repeat(200) })
  const devices = JSON.stringify(Array.from({ length: 4000 }, device))
  await before.publishAsync('zigbee2mqtt/bridge/devices', devices, { qos: 0, retain: true })
  await before.publishAsync('zigbee2mqtt/bridge/info', '{}', { qos: 1, retain: true })
  await cut(before)

  const after = await client(bridge)
  await after.subscribeAsync('zigbee2mqtt/#')
  await messages(after, 3)
  const found = Object.fromEntries(after.got.map(m => [m.topic, m.payload.toString()]))
  assert.equal(found['zigbee2mqtt/bridge/devices'], devices)
  assert.equal(found['zigbee2mqtt/bridge/info'], '{}')
  assert.equal(found['zigbee2mqtt/bridge/state'], 'offline')
})

const V5 = VERSIONS['5.0']

brokerTest('5.0: properties of a message', async ({ client }) => {
  const [publisher, subscriber] = [await client(V5), await client(V5)]
  await subscriber.subscribeAsync('t', { qos: 1, properties: { subscriptionIdentifier: 42 } })
  const properties = {
    payloadFormatIndicator: true,
    contentType: 'text/plain',
    responseTopic: 'answers/here',
    correlationData: Buffer.from([0, 1, 255]),
    userProperties: { a: ['1', '2'], b: '3' }
  }
  await publisher.publishAsync('t', 'x', {
    qos: 1, properties: { ...properties, messageExpiryInterval: 100 }
  })
  await messages(subscriber, 1)
  const got = { ...subscriber.got[0].packet.properties }
  assert.equal(got.subscriptionIdentifier, 42)
  assert.ok(got.messageExpiryInterval <= 100 && got.messageExpiryInterval >= 99)
  delete got.subscriptionIdentifier
  delete got.messageExpiryInterval
  assert.deepEqual({ ...got, userProperties: { ...got.userProperties } }, properties)
})

brokerTest('5.0: topic aliases in both directions', async ({ client }) => {
  const publisher = await client({ ...V5, autoAssignTopicAlias: true })
  const subscriber = await client({ ...V5, properties: { topicAliasMaximum: 5 } })
  await subscriber.subscribeAsync('a/long/topic/+', { qos: 1 })
  for (let n = 0; n < 30; n++) {
    await publisher.publishAsync(`a/long/topic/${n % 10}`, `${n}`, { qos: 1 })
  }
  await messages(subscriber, 30)
  for (const [n, { topic, payload }] of subscriber.got.entries()) {
    assert.equal(`${topic} ${payload}`, `a/long/topic/${n % 10} ${n}`)
  }
})

brokerTest('5.0: the broker says why', async ({ client }) => {
  const first = await client({ ...V5, clientId: 'twin', reconnectPeriod: 0 })
  const told = new Promise(resolve => first.once('disconnect', resolve))
  const [grant] = await first.subscribeAsync('a', { qos: 1 })
  assert.equal(grant.qos, 1)
  await client({ ...V5, clientId: 'twin' })
  assert.equal((await within('DISCONNECT', told)).reasonCode, 0x8e)
}, { mosquittoDiffers: '2.0 closes without a DISCONNECT' })

brokerTest('5.0: everything fits through a small receive maximum', async ({ client }) => {
  const properties = { sessionExpiryInterval: 60, receiveMaximum: 2 }
  const away = { ...V5, clientId: 'limited', clean: false, properties }
  const first = await client(away)
  await first.subscribeAsync('t', { qos: 1 })
  await first.endAsync()
  const publisher = await client(V5)
  for (let n = 0; n < 10; n++) await publisher.publishAsync('t', `${n}`, { qos: 1 })

  const again = await client({ ...away, resubscribe: false })
  const payloads = await messages(again, 10)
  assert.deepEqual(payloads, Array.from({ length: 10 }, (_, n) => `${n}`))
  assert.ok(again.connected)
})

brokerTest('5.0: no local and retain handling', async ({ client }) => {
  const [both, other] = [await client(V5), await client(V5)]
  await other.publishAsync('t', 'retained', { qos: 1, retain: true })
  await both.subscribeAsync('t', { qos: 1, nl: true, rap: true, rh: 2 })
  await both.publishAsync('t', 'mine', { qos: 1 })
  await other.publishAsync('t', 'of another', { qos: 1, retain: true })
  assert.deepEqual(await messages(both, 1), ['of another'])
  assert.equal(both.got[0].packet.retain, true)
})

brokerTest('5.0: a session that is over starts anew', async ({ client }) => {
  const options = { ...V5, clientId: 'x', clean: false, properties: { sessionExpiryInterval: 0 } }
  const first = await client(options)
  await first.subscribeAsync('t', { qos: 1 })
  await first.endAsync()
  const again = await client({ ...options, resubscribe: false })
  await poll('CONNACK', () => again.connected)
  await again.publishAsync('t', 'nobody subscribed', { qos: 1 })
  await again.subscribeAsync('end', { qos: 1 })
  await again.publishAsync('end', 'end', { qos: 1 })
  assert.deepEqual(await messages(again, 1), ['end'])
})
