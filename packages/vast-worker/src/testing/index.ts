export { FakeClock } from './fake-clock.ts';
export { FakeControlPlane } from './fake-control-plane.ts';
export { type Answer, FakeModelServer, type ModelRequest } from './fake-model-server.ts';
export { freePort } from './free-port.ts';
export { silentParts } from './silent-parts.ts';
export { type StartedProcess, startProcess } from './start-process.ts';
export { type OpenRequest, type Reply, type Rig, type RigOptions, replyOf, startRig, testHandler } from './start-rig.ts';
export { temporaryFolder } from './temporary-folder.ts';
export { until } from './until.ts';
