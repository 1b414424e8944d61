// Operations of Node's Pub/Sub client: node pubsub_node.cjs PACKAGES PROJECT OPERATION NAME; exit code 1 where one fails.
'use strict';

const assert = require('node:assert');
const {createRequire} = require('node:module');

const [packages, projectId, operation, name] = process.argv.slice(2);
const {PubSub} = createRequire(`${packages}/`)('@google-cloud/pubsub');
const pubsub = new PubSub({projectId});

async function pair(options) {
  const [topic] = await pubsub.createTopic(name);
  const [subscription] = await topic.createSubscription(name, options);
  return {topic, subscription};
}

// The messages of a subscription, each acknowledged by `ack`, until there are as many as are wanted.
function receive(subscription, count, ack) {
  return new Promise((resolve, reject) => {
    const received = [];
    subscription.on('error', reject);
    subscription.on('message', async message => {
      try {
        await ack(message);
        received.push(message);
        if (received.length === count) {
          await subscription.close();
          resolve(received);
        }
      } catch (error) {
        reject(error);
      }
    });
  });
}

const OPERATIONS = {
  async resources() {
    const {topic, subscription} = await pair({ackDeadlineSeconds: 20});
    const [topics] = await pubsub.getTopics();
    assert(topics.some(one => one.name === topic.name));
    await subscription.setMetadata({ackDeadlineSeconds: 30, labels: {team: 'web'}});
    const [metadata] = await subscription.getMetadata();
    assert.strictEqual(metadata.ackDeadlineSeconds, 30);
    await subscription.delete();
    assert.deepStrictEqual(await topic.getSubscriptions().then(([found]) => found), []);
    await topic.delete();
    assert.deepStrictEqual(await topic.exists(), [false]);
  },

  async stream() {
    const {topic, subscription} = await pair();
    const received = receive(subscription, 200, message => message.ack());
    for (let number = 0; number < 200; number++) {
      topic.publishMessage({data: Buffer.from(`${number}`), attributes: {number: `${number}`}});
    }
    const bodies = (await received).map(message => message.data.toString());
    assert.strictEqual(new Set(bodies).size, 200);
  },

  async ordered() {
    const {subscription} = await pair({enableMessageOrdering: true, enableExactlyOnceDelivery: true});
    const ordered = pubsub.topic(name, {messageOrdering: true});
    const received = receive(subscription, 20, message => message.ackWithResponse());
    for (let number = 0; number < 20; number++) {
      ordered.publishMessage({data: Buffer.from(`${number}`), orderingKey: 'k'});
    }
    const bodies = (await received).map(message => message.data.toString());
    assert.deepStrictEqual(bodies, [...Array(20).keys()].map(String));
  },

  async snapshots() {
    const {topic, subscription} = await pair();
    await subscription.createSnapshot(name);
    await topic.publishMessage({data: Buffer.from('one')});
    await receive(subscription, 1, message => message.ack());
    await subscription.seek(name);
    const again = await receive(pubsub.subscription(name), 1, message => message.ack());
    assert.strictEqual(again[0].data.toString(), 'one');
    await pubsub.snapshot(name).delete();
  },

  async schema() {
    await pubsub.createSchema(name, 'AVRO', '{"type": "record", "name": "Line", "fields": []}');
  },
};

OPERATIONS[operation]().then(
  () => process.exit(0),
  error => {
    console.error(error.message);
    process.exit(1);
  },
);
