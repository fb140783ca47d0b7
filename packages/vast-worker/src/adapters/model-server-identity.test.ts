import { describe, expect, it } from 'vitest';
import { FakeModelServer } from '../testing/fake-model-server.ts';
import { ModelServerIdentity } from './model-server-identity.ts';

async function start(info: object | undefined = { model_id: 'a' }) {
  const model = new FakeModelServer();
  model.info = info;
  await model.listen();
  const identity = new ModelServerIdentity(model.url, {});
  return {
    model,
    identity,
    number: async () => (await identity.look())?.number,
    [Symbol.asyncDispose]: async () => {
      await identity.close();
      await model.kill();
    },
  };
}

describe('the identity of a model server', () => {
  it('stays the same while one process says the same', async () => {
    await using rig = await start();
    expect(await rig.identity.look()).toEqual({ number: 1, info: { model_id: 'a' } });
    expect(await Promise.all([rig.number(), rig.number(), rig.number()])).toEqual([1, 1, 1]);
    expect(await rig.model.connections()).toBe(1);
  });

  it('is another one after a restart, though the model has the same name', async () => {
    await using rig = await start();
    await rig.number();
    await rig.model.kill();
    expect(await rig.number()).toBeUndefined();
    await rig.model.listen();
    expect(await rig.number()).toBe(2);
    expect(await rig.number()).toBe(2);
  });

  it('is another one when what it says has changed', async () => {
    await using rig = await start();
    await rig.number();
    rig.model.info = { model_id: 'b' };
    expect(await rig.identity.look()).toEqual({ number: 2, info: { model_id: 'b' } });
    rig.model.info = { model_id: 'a' };
    expect(await rig.number()).toBe(3); // not 1: in between others were answered
  });

  it('never shares a look that began before it was asked for', async () => {
    await using rig = await start();
    const early = rig.number();
    await new Promise(setImmediate);
    const late = [rig.number(), rig.number()];
    await early;
    rig.model.info = { model_id: 'b' };
    expect(await Promise.all(late)).toEqual([2, 2]);
  });

  it('is unknown where /info says nothing usable', async () => {
    await using rig = await start();
    rig.model.info = undefined; // 404
    expect(await rig.number()).toBeUndefined();
    expect(await rig.number()).toBeUndefined();
    rig.model.info = {};
    expect(await rig.number()).toBe(1);
  });
});
