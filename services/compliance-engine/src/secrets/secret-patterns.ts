/**
 * Secrets that can be told by how they are written. All patterns are bounded, or start where their characters start, so
 * that a text of any content is read in time linear to its length.
 */

export const secretKinds = [
  'private-key',
  'aws-access-key-id',
  'aws-secret-access-key',
  'azure-storage-key',
  'github-token',
  'gitlab-token',
  'slack-token',
  'slack-webhook',
  'stripe-key',
  'google-key',
  'anthropic-key',
  'openai-key',
  'huggingface-token',
  'npm-token',
  'pypi-token',
  'sendgrid-key',
  'json-web-token',
  'authorization',
  'url-password',
  'password',
  'payment-card',
] as const;
export type SecretKind = (typeof secretKinds)[number];

export interface SecretPattern {
  kind: SecretKind;
  /** Global, with indices; the secret is the group of that name, else the whole match. */
  pattern: RegExp;
  accepts?: (secret: string, match: RegExpExecArray) => boolean;
}

/** Those that say whose they are come first. Source: the vendors' documentation of their formats. */
export const secretPatterns: readonly SecretPattern[] = [
  { kind: 'aws-access-key-id', pattern: /(?<![A-Za-z0-9])A(?:KIA|SIA)[A-Z2-7]{16}(?![A-Za-z0-9])/dg },
  {
    kind: 'aws-secret-access-key',
    pattern: /secret[_ -]?(?:access[_ -]?)?key["'`]?(?:\s|[:=>]){1,6}["'`]?(?<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/dgi,
    accepts: isMixed,
  },
  { kind: 'azure-storage-key', pattern: /AccountKey\s{0,4}=\s{0,4}(?<secret>[A-Za-z0-9+/]{86}==)/dgi },
  { kind: 'github-token', pattern: /(?<![A-Za-z0-9])(?:gh[oprsu]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})/dg },
  { kind: 'gitlab-token', pattern: /(?<![A-Za-z0-9])gl(?:pat|dt|rt|cbt|ptt|ft|soat)-[A-Za-z0-9_-]{20,255}/dg },
  { kind: 'slack-token', pattern: /(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{10,250}/dg },
  { kind: 'slack-webhook', pattern: /https:\/\/hooks\.slack\.com\/(?:services|workflows)\/(?<secret>[A-Za-z0-9/_-]{20,200})/dgi },
  { kind: 'stripe-key', pattern: /(?<![A-Za-z0-9])(?:[rs]k_(?:live|test)_[A-Za-z0-9]{16,250}|whsec_[A-Za-z0-9+/=]{24,100})/dg },
  { kind: 'google-key', pattern: /(?<![A-Za-z0-9])(?:AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{28})(?![A-Za-z0-9_-])/dg },
  { kind: 'anthropic-key', pattern: /(?<![A-Za-z0-9])sk-ant-[A-Za-z0-9_-]{20,250}/dg },
  { kind: 'openai-key', pattern: /(?<![A-Za-z0-9])sk-(?!ant-)[A-Za-z0-9_-]{20,250}/dg, accepts: isMixed },
  { kind: 'huggingface-token', pattern: /(?<![A-Za-z0-9])(?:hf|api_org)_[A-Za-z0-9]{30,100}/dg },
  { kind: 'npm-token', pattern: /(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])/dg },
  { kind: 'pypi-token', pattern: /(?<![A-Za-z0-9])pypi-[A-Za-z0-9_-]{50,500}/dg },
  { kind: 'sendgrid-key', pattern: /(?<![A-Za-z0-9])SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}/dg },
  {
    kind: 'json-web-token',
    pattern: /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/dg,
  },
  {
    kind: 'authorization',
    pattern: /\bauthorization["'`]?\s{0,4}[:=]\s{0,4}["'`]?(?:bearer|basic|token|digest)\s{1,4}(?<secret>[A-Za-z0-9._~+/=-]{8,4096})/dgi,
  },
  { kind: 'authorization', pattern: /\bbearer\s{1,4}(?<secret>[A-Za-z0-9._~+/=-]{16,4096})/dgi, accepts: isMixed },
  {
    kind: 'url-password',
    pattern: /(?<![A-Za-z0-9+.-])[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:@/"'<>]{0,100}:(?<secret>[^\s@"'<>]{1,200})@/dgi,
    accepts: (secret) => !isPlaceholder(secret),
  },
  {
    kind: 'password',
    pattern: assigned(/"(?<secret>[^"\n]{6,200})"|'(?<secret>[^'\n]{6,200})'|`(?<secret>[^`\n]{6,200})`/),
    accepts: isChosen,
  },
  { kind: 'password', pattern: assigned(/(?<secret>[^\s"'`<>]{6,200})/), accepts: isChosen },
  {
    kind: 'password',
    pattern: /(?<![\w-])--?(?:[a-z]{1,20}-){0,3}(?<name>password|passphrase|secret|token|key)\s{1,4}["']?(?<secret>[^\s"'`]{6,200})/dgi,
    accepts: isChosen,
  },
  {
    kind: 'password',
    pattern: /\b(?<name>password|passphrase|passcode|pin)\s{1,3}(?:is|was|set to)\s{1,3}["'`“‘]?(?<secret>[^\s"'`“”’<>]{6,200})/dgi,
    accepts: isChosen,
  },
];

/** A name that says it is secret, an assignment, and a value. */
function assigned(value: RegExp): RegExp {
  const name =
    /(?<name>pass(?:wor[dt]|wd|phrase|code)|(?<![a-z])pass|pwd|kennwort|mot de passe|contraseña|secret|token|credential|(?:api|access|secret|private|encryption|signing|account|auth|master|shared)[_ -]?key)s?/;
  const assignment = /["'`*\\]{0,3}\s{0,4}(?::=|=>|[:=|>])\s{0,4}[*\\]{0,2}\s{0,2}/;
  return new RegExp(name.source + assignment.source + `(?:${value.source})`, 'dgi');
}

/** A value that somebody chose or a machine made, and not a word, a template, a place or a number of a setting. */
function isChosen(secret: string, match: RegExpExecArray): boolean {
  if (isPlaceholder(secret) || isPlace(secret)) return false;
  if (/^\d+$/.test(secret)) return /^p/i.test(match.groups?.name ?? '');
  const classes = [/[a-z]/, /[A-Z]/, /\d/, /[!#$%&*+=?@^~|]/].filter((one) => one.test(secret)).length;
  return (/\d/.test(secret) && /[A-Za-z]/.test(secret)) || classes >= 3;
}

/** Stars, `<password>`, `${PASSWORD}`, `{{ password }}`, `$PASSWORD`, `%PASSWORD%`. */
function isPlaceholder(secret: string): boolean {
  return /^(?:[x*•.#-]+|<[^>]*>?|\$\{.*|\{\{.*|\{[\w.]+\}|\$[A-Z_][A-Z0-9_]*|%[A-Z0-9_]+%|\[[^\]]*\])$/i.test(secret);
}

/** A URL, a path or a reference to where the secret is kept. */
function isPlace(secret: string): boolean {
  return (
    /^[a-z][a-z0-9+.-]*:\/\//i.test(secret) ||
    /^[.~]{0,2}\/[\w.-]+(?:\/[\w.-]+)+$/.test(secret) ||
    /^[a-z_]+(?:\.[A-Za-z_]+\d?)+\(?$/.test(secret)
  );
}

/** Letters and digits: no word, no number. */
function isMixed(secret: string): boolean {
  return /\d/.test(secret) && /[A-Za-z]/.test(secret);
}
