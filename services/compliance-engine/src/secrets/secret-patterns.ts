import { isWithoutOrder, serviceTokens, unnamedTokens } from './service-tokens.ts';

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
  'service-token',
  'json-web-token',
  'authorization',
  'url-password',
  'url-signature',
  'password',
  'unnamed-token',
  'payment-card',
] as const;
export type SecretKind = (typeof secretKinds)[number];

export interface SecretPattern {
  kind: SecretKind;
  /** Global, with indices; the secret is the group of that name, else the whole match. */
  pattern: RegExp;
  accepts?: (secret: string, match: RegExpExecArray) => boolean;
}

/** Parts of a name that say what it names is secret. */
const secretName =
  /pass(?:wor[dt]|wd|phrase|code)|(?<![a-z])pass|pwd|(?<![a-z])pw|kennwort|mot de passe|contraseña|secret|token|credential|(?:api|access|secret|private|encryption|signing|account|auth|master|shared)[_ -]?key/
    .source;

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
  { kind: 'service-token', pattern: serviceTokens },
  {
    kind: 'json-web-token',
    pattern: /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/dg,
  },
  {
    kind: 'authorization',
    pattern: /\bauthorization["'`]?\s{0,4}[:=]\s{0,4}["'`]?(?:bearer|basic|token|digest)\s{1,4}(?<secret>[A-Za-z0-9._~+/=-]{8,4096})/dgi,
  },
  { kind: 'authorization', pattern: /\bbearer\s{1,4}(?<secret>[A-Za-z0-9._~+/=-]{16,4096})/dgi, accepts: isMixed },
  { kind: 'authorization', pattern: /"auth"\s{0,4}:\s{0,4}"(?<secret>[A-Za-z0-9+/=]{12,4096})"/dg, accepts: isMixed }, // Docker's configuration
  {
    kind: 'authorization',
    pattern: /\b(?:session|sessionid|session_id|jsessionid|phpsessid|connect\.sid)=(?<secret>[A-Za-z0-9%._-]{16,4096})/dgi,
    accepts: isMixed,
  },
  {
    kind: 'url-password',
    pattern: /(?<![A-Za-z0-9+.-])[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:@/"'<>]{0,100}:(?<secret>[^\s@"'<>]{1,200})@/dgi,
    accepts: (secret) => !isPlaceholder(secret),
  },
  {
    kind: 'url-signature',
    pattern: /[?&](?:sig|signature|x-amz-signature|x-goog-signature)=(?<secret>[A-Za-z0-9%+/=_-]{20,1024})/dgi,
  },
  {
    kind: 'password',
    pattern: assigned(
      /"(?<secret>[^"\n]{6,200}|[^"\s]{6,4096})"|'(?<secret>[^'\n]{6,200}|[^'\s]{6,4096})'|`(?<secret>[^`\n]{6,200}|[^`\s]{6,4096})`/,
    ),
    accepts: isChosen,
  },
  { kind: 'password', pattern: assigned(/(?<secret>[^\s"'`<>]{6,4096})/), accepts: isChosen },
  {
    kind: 'password',
    pattern: /(?<![\w-])--?(?:[a-z]{1,20}-){0,3}(?<name>password|passphrase|secret|token|key)\s{1,4}["']?(?<secret>[^\s"'`]{6,200})/dgi,
    accepts: isChosen,
  },
  {
    kind: 'password',
    pattern:
      /\b(?<name>password|passphrase|passcode|pin)(?: (?:of|for) [^\n.:]{1,40}?)?\s{1,3}(?:is|was|set to)\s{1,3}["'`“‘]?(?<secret>[^\s"'`“”’<>]{4,200})/dgi,
    accepts: isChosen,
  },
  {
    kind: 'password',
    pattern:
      /\b(?:use|enter|with) ["'`“]?(?<secret>[^\s"'`”]{6,200})["'`”]? as (?:the |your |its )?(?<name>password|passphrase|passcode|pin|token|api key)\b/dgi,
    accepts: isChosen,
  },
  { kind: 'password', pattern: nameAndValue(), accepts: isChosen },
  { kind: 'password', pattern: /\blogin\s{1,4}\S{1,100}\s{1,4}password\s{1,4}(?<secret>\S{4,200})/dg, accepts: isChosen }, // .netrc
  { kind: 'password', pattern: /\s(?:-u|--user)[\s=]["']?[^\s:"']{1,100}:(?<secret>[^\s"']{4,200})/dg, accepts: isChosen }, // curl
  { kind: 'password', pattern: /\b(?:sshpass|mysql|mysqldump)\s[^\n]{0,80}?-p ?["']?(?<secret>[^\s"']{6,200})/dg, accepts: isChosen },
  {
    kind: 'password',
    pattern: /\bdefine\(\s{0,4}["']\w{0,40}(?:PASSWORD|SECRET|KEY|TOKEN|SALT)["']\s{0,4},\s{0,4}["'](?<secret>[^"'\n]{6,200})["']/dg,
  },
  {
    kind: 'password',
    pattern: /\b(?:api|access|auth|secret)[_ -]?(?:key|token)\s{1,3}(?<secret>[A-Za-z0-9_-]{32,256})/dgi,
    accepts: isMixed,
  },
  { kind: 'password', pattern: /\$(?:apr1|1|5|6|y|2[aby]|argon2i?d?)\$[A-Za-z0-9./$=,+-]{20,200}/dg }, // hashes of passwords
  { kind: 'unnamed-token', pattern: unnamedTokens, accepts: isWithoutOrder },
];

/** A name that says it is secret, an assignment, and a value. */
function assigned(value: RegExp): RegExp {
  const assignment = /["'`*\\]{0,3}\s{0,4}(?::=|=>|[:=|>])\s{0,4}[*\\]{0,2}\s{0,2}/;
  return new RegExp(`(?<name>${secretName})s?(?: \\([^()\\n]{1,40}\\))?${assignment.source}(?:${value.source})`, 'dgi');
}

/** A list of settings: `name: DB_PASSWORD` and then `value: …`, in YAML or JSON. */
function nameAndValue(): RegExp {
  return new RegExp(`(?<name>${secretName})s?["']?[\\s,]{1,40}["']?value["']?\\s{0,4}[:=]\\s{0,4}["']?(?<secret>[^\\s"']{6,4096})`, 'dgi');
}

/** A value that somebody chose or a machine made, and not a word, a template, a place or a number of a setting. */
function isChosen(secret: string, match: RegExpExecArray): boolean {
  if (isPlaceholder(secret) || isPlace(secret)) return false;
  if (/^\d+[.,;:)]?$/.test(secret)) return /^p/i.test(match.groups?.name ?? '');
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
