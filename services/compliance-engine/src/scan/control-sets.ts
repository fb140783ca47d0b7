/** What a scan looks for, when the caller brings no controls: ours, in the words that policies use. */

export interface Requirement {
  id: string;
  /** One sentence; passages are ranked by how well they answer it. */
  text: string;
}

export interface Control {
  id: string;
  title: string;
  requirements: readonly Requirement[];
}

const accessControl: Control = {
  id: 'access-control',
  title: 'Access control',
  requirements: [
    { id: 'least-privilege', text: 'Access is granted by least privilege, to what a role needs, and approved by the owner of the system.' },
    { id: 'multi-factor', text: 'Multi-factor authentication is required for remote access and for administrators.' },
    { id: 'access-reviews', text: 'Access rights are reviewed at regular intervals, and those no longer needed are removed.' },
    { id: 'leavers', text: 'Access is revoked when a person leaves the company or changes role.' },
  ],
};

const encryption: Control = {
  id: 'encryption',
  title: 'Encryption',
  requirements: [
    { id: 'at-rest', text: 'Data is encrypted at rest: disks, databases and backups.' },
    { id: 'in-transit', text: 'Data is encrypted in transit over networks, with TLS.' },
    { id: 'key-management', text: 'Cryptographic keys are generated, stored, rotated and destroyed in a controlled way.' },
    { id: 'algorithms', text: 'Only approved cryptographic algorithms and key lengths are used.' },
  ],
};

const logging: Control = {
  id: 'logging',
  title: 'Logging and monitoring',
  requirements: [
    { id: 'audit-events', text: 'Security events are recorded in audit logs: logins, failed logins, administrative actions.' },
    { id: 'log-protection', text: 'Logs are protected against alteration and deletion, also by administrators.' },
    { id: 'monitoring', text: 'Logs are monitored, and suspicious activity raises an alert.' },
    { id: 'clock', text: 'Clocks are synchronised with a common time source, such as NTP.' },
  ],
};

const retention: Control = {
  id: 'retention',
  title: 'Retention and deletion',
  requirements: [
    { id: 'schedule', text: 'A retention schedule sets a retention period for every kind of record.' },
    { id: 'deletion', text: 'Records are deleted or destroyed securely at the end of their retention period.' },
    { id: 'legal-hold', text: 'Deletion is suspended under a legal hold, for litigation or investigation.' },
    { id: 'contract-end', text: 'Customer data is returned or erased at the end of the contract.' },
  ],
};

const incidentResponse: Control = {
  id: 'incident-response',
  title: 'Incident response',
  requirements: [
    { id: 'reporting', text: 'Employees report suspected security incidents immediately, and know to whom.' },
    { id: 'roles', text: 'An incident response team with an incident manager and assigned roles handles incidents.' },
    {
      id: 'notification',
      text: 'Customers and supervisory authorities are notified of a personal data breach within a fixed number of hours.',
    },
    { id: 'lessons', text: 'After an incident the root cause is analysed and lessons learned are recorded.' },
  ],
};

const supplierManagement: Control = {
  id: 'supplier-management',
  title: 'Supplier management',
  requirements: [
    { id: 'due-diligence', text: 'Suppliers are assessed for security before the contract is signed.' },
    { id: 'contract-terms', text: 'Supplier contracts contain security obligations and a right to audit.' },
    { id: 'supplier-reviews', text: 'Critical suppliers are reviewed every year, and the results recorded.' },
    { id: 'offboarding', text: 'When a supplier is terminated its accounts are closed and it confirms deletion of our data.' },
  ],
};

const baseline: readonly Control[] = [accessControl, encryption, logging, retention, incidentResponse, supplierManagement];

/** `baseline` is all of them; each is also a set of its own, named after it. */
export const controlSets: Readonly<Record<string, readonly Control[]>> = {
  baseline,
  ...Object.fromEntries(baseline.map((control) => [control.id, [control]])),
};
