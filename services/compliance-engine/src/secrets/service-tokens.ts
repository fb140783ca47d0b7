/**
 * Tokens that carry the mark of the service that issued them, beyond those with a kind of their own. Source: the services'
 * documentation of their formats.
 */
const formats = [
  String.raw`AT(?:ATT|CTT|STT)3[A-Za-z0-9_=-]{100,}`, // Atlassian
  String.raw`AKCp[A-Za-z0-9]{60,}`, // JFrog
  String.raw`EAAA[A-Za-z0-9_-]{60}|sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,43}`, // Square
  String.raw`LTAI[A-Za-z0-9]{17,21}`, // Alibaba Cloud
  String.raw`NRAK-[A-Z0-9]{27}`, // New Relic
  String.raw`PMAK-[a-f0-9]{24}-[a-f0-9]{34}`, // Postman
  String.raw`SK[a-f0-9]{32}`, // Twilio
  String.raw`[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,70}`, // HCP Terraform
  String.raw`[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}`, // Microsoft Entra client secrets
  String.raw`CCIPAT_[A-Za-z0-9]{20,}_[a-f0-9]{40}`, // CircleCI
  String.raw`[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}`, // Discord
  String.raw`\d{8,10}:AA[A-Za-z0-9_-]{33}`, // Telegram
  String.raw`1//0[A-Za-z0-9_-]{35,}|ya29\.[A-Za-z0-9_-]{20,}`, // Google OAuth
  String.raw`dapi[a-f0-9]{32}(?:-\d)?`, // Databricks
  String.raw`dckr_[op]at_[A-Za-z0-9_-]{27,}`, // Docker
  String.raw`do[opr]_v1_[a-f0-9]{64}`, // DigitalOcean
  String.raw`dp\.(?:audit|ct|pt|sa|scim|st)\.[A-Za-z0-9._-]{40,}`, // Doppler
  String.raw`figd_[A-Za-z0-9_-]{40,}`, // Figma
  String.raw`fm[12]_[A-Za-z0-9+/=_-]{40,}|fo1_[A-Za-z0-9_-]{43}`, // Fly.io
  String.raw`glc_[A-Za-z0-9+/=]{32,}|glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}`, // Grafana
  String.raw`gsk_[A-Za-z0-9]{48,}|pplx-[A-Za-z0-9]{40,}|r8_[A-Za-z0-9]{37}|xai-[A-Za-z0-9]{70,}`, // Groq, Perplexity, Replicate, xAI
  String.raw`hv[bsr]\.[A-Za-z0-9_-]{24,}`, // HashiCorp Vault
  String.raw`key-[a-f0-9]{32}`, // Mailgun
  String.raw`lin_(?:api|oauth)_[A-Za-z0-9]{40,}`, // Linear
  String.raw`ntn_[A-Za-z0-9]{40,}`, // Notion
  String.raw`pat[A-Za-z0-9]{14}\.[a-f0-9]{64}|pat-[a-z]{2}\d-[a-f0-9-]{36}`, // Airtable, HubSpot
  String.raw`pscale_(?:oauth|pw|tkn)_[A-Za-z0-9_.-]{32,}`, // PlanetScale
  String.raw`pul-[a-f0-9]{40}`, // Pulumi
  String.raw`rubygems_[a-f0-9]{48}|cio[A-Za-z0-9]{32}`, // RubyGems, crates.io
  String.raw`sbp_[a-f0-9]{40}`, // Supabase
  String.raw`shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}`, // Shopify
  String.raw`sk\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}`, // Mapbox
  String.raw`sntryu_[a-f0-9]{64}|sntrys_[A-Za-z0-9+/=_]{60,}`, // Sentry
  String.raw`tskey-[a-z]{3,10}-[A-Za-z0-9-]{16,}`, // Tailscale
  String.raw`xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}`, // Brevo
];

export const serviceTokens = new RegExp(`(?<![A-Za-z0-9])(?:${formats.join('|')})(?![A-Za-z0-9])`, 'dg');

/** Of a service that is not listed: its mark and a long number, or letters in both cases and digits without order. */
export const unnamedTokens = /(?<![A-Za-z0-9+/_-])(?:[a-z]{2,8}_[a-f0-9]{40,128}|[A-Za-z0-9_-]{32,256})(?![A-Za-z0-9+/=_-])/dg;

/** A name, however long, is not as mixed: digits in three places, capitals in three, and small letters. */
export function isWithoutOrder(text: string): boolean {
  if (/^[a-z]+_[a-f0-9]+$/.test(text)) return /\d/.test(text);
  return count(text, /\d+/g) >= 3 && count(text, /[A-Z]+/g) >= 3 && count(text, /[a-z]+/g) >= 3;
}

const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;
