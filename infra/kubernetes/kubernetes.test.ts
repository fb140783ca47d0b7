import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { Service } from 'kubernetes-models/v1/Service';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { startRig } from '../../packages/vast-worker/src/testing/index.ts';
import { environmentVariables } from '../../packages/vast-worker/src/worker/environment.ts';
import { agentBrainConfig } from '../../services/agent-brain/src/config.ts';
import { hasProgram, pathOf, runProgram } from '../tools.ts';

/** The kustomization as a cluster would get it. There is none here: what only its API server knows is not tested. */

const hasKubectl = hasProgram(
  'kubectl',
  ['kustomize', pathOf('kubernetes')],
  'https://kubernetes.io/docs/tasks/tools, with kustomize in it',
);

describe.skipIf(!hasKubectl)('the kustomization', () => {
  const { output } = runProgram('kubectl', ['kustomize', pathOf('kubernetes')], pathOf('.'));
  const objects: any[] = parseAllDocuments(output).map((document) => document.toJS());
  const ofKind = (kind: string) => objects.find((object) => object.kind === kind);
  const [deployment, service, scaled] = ['Deployment', 'Service', 'ScaledObject'].map(ofKind);
  const pod = deployment?.spec.template;
  const [container] = pod?.spec.containers ?? [];

  it('has everything in one namespace, and nothing without a name', () => {
    expect(new Set(objects.map(({ kind }) => kind))).toEqual(new Set(['Deployment', 'Namespace', 'ScaledObject', 'Service']));
    for (const { kind, metadata } of objects)
      expect([kind, metadata.name, kind === 'Namespace' ? 'bluefly' : metadata.namespace]).toEqual([kind, expect.any(String), 'bluefly']);
  });

  it('is what the schemas of Kubernetes and KEDA ask for', () => {
    const models = { Deployment, Namespace, ScaledObject, Service };
    for (const object of objects) new models[object.kind as keyof typeof models](object).validate();
    const wrong = structuredClone(scaled);
    wrong.spec.triggers[0].metadata.threshold = 10;
    expect(() => new ScaledObject(wrong).validate()).toThrow('threshold must be string');
  });

  it('selects its own pods, reaches the port of the worker, and leaves the number of replicas to KEDA', () => {
    expect(pod.metadata.labels).toMatchObject(deployment.spec.selector.matchLabels);
    expect(pod.metadata.labels).toMatchObject(service.spec.selector);
    expect(container.ports).toEqual([{ name: 'http', containerPort: agentBrainConfig({}).workerPort ?? 3000 }]);
    expect(service.spec.ports[0].targetPort).toBe('http');
    expect(deployment.spec.replicas).toBeUndefined();
    expect(scaled.spec.scaleTargetRef.name).toBe(deployment.metadata.name);
  });

  it('sets variables that a worker reads, keeps secrets out, and pins the image', () => {
    const known = new Set(environmentVariables.map(({ name }) => name));
    expect(container.env.filter(({ name }: any) => !known.has(name))).toEqual([]);
    for (const { name, valueFrom } of container.env) if (/TOKEN/.test(name)) expect(valueFrom.secretKeyRef).toBeDefined();
    expect(container.image).toMatch(/^ghcr\.io\/bluefly\/agent-brain:\d/);
  });

  it('asks for readiness where the worker tells it, and restarts nobody for not being ready', async () => {
    await using rig = await startRig({ awaitReady: false, model: (model) => (model.health = 503) });
    expect((await rig.get(container.readinessProbe.httpGet.path)).status).toBe(503);
    rig.model.health = 200;
    while ((await rig.get(container.readinessProbe.httpGet.path)).status !== 200);
    expect([container.startupProbe, container.livenessProbe].map((probe) => Object.keys(probe)[0])).toEqual(
      ['tcpSocket', 'tcpSocket'].map(() => expect.any(String)),
    );
    for (const probe of [container.startupProbe, container.livenessProbe]) expect(probe.httpGet).toBeUndefined();
  });

  it('waits for the drain before it kills', () => {
    const drain = Number(container.env.find(({ name }: any) => name === 'DRAIN_TIMEOUT_SECONDS').value);
    expect(pod.spec.terminationGracePeriodSeconds).toBeGreaterThan(container.lifecycle.preStop.sleep.seconds + drain + 15);
  });

  it('scales on figures that a worker shows, with one number per replica, and never for want of Prometheus', async () => {
    await using rig = await startRig();
    const { text } = await rig.get('/metrics');
    const [trigger] = scaled.spec.triggers;
    for (const name of trigger.metadata.query.match(/vast_worker_\w+/g)) expect(text).toContain(`# TYPE ${name} `);
    expect(trigger.metadata).toMatchObject({ ignoreNullValues: 'false', threshold: expect.stringMatching(/^\d+$/) });
    expect(scaled.spec.fallback.replicas).toBeGreaterThanOrEqual(scaled.spec.minReplicaCount);
    const { scaleDown } = scaled.spec.advanced.horizontalPodAutoscalerConfig.behavior;
    expect(scaleDown.stabilizationWindowSeconds).toBeGreaterThan(900); // of the alert for a cold start
  });
});
