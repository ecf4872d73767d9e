// SPDX-License-Identifier: Apache-2.0
// What a domain's certificate is, in words; and PEM as people paste it. Pure.
import type { Domain } from './api/types';
import { day } from './format';

export interface CertificateWords {
  /** As lib State has it. */
  state: 'succeeded' | 'pending' | 'failed' | 'maintenance' | 'none';
  label: string;
  detail: string;
  /** What goes wrong, in the server's words. */
  problem: string;
}

const soon_ms = 14 * 24 * 3600 * 1000;
const labels = {
  own: 'your certificate',
  automatic: 'automatic certificate',
  operator: 'the platform’s certificate',
  development: 'development certificate',
} as const;

export function certificate_words(domain: Domain, now_ms: number): CertificateWords {
  const { certificate } = domain;
  const reason = domain.acm_status_reason ?? '';
  if (certificate === null) {
    if (domain.acm_status === 'failing')
      return { state: 'failed', label: 'no certificate', detail: '', problem: reason };
    if (domain.acm_status === 'pending')
      return { state: 'pending', label: 'certificate requested', detail: '', problem: '' };
    const detail = domain.kind === 'heroku' ? 'The platform serves no HTTPS' : '';
    return { state: 'none', label: 'no certificate', detail, problem: '' };
  }
  const ends_ms = Date.parse(certificate.expires_at);
  const label = labels[certificate.kind];
  const until = day(certificate.expires_at);
  const issuer = issuer_name(certificate.issuer);
  if (ends_ms <= now_ms)
    return { state: 'failed', label, detail: `expired on ${until} · ${issuer}`, problem: reason };
  if (certificate.kind === 'development')
    return { state: 'none', label, detail: 'browsers warn of it', problem: '' };
  const by_hand = certificate.kind !== 'automatic';
  const late = by_hand ? ends_ms - now_ms < soon_ms : reason !== '';
  return {
    state: late ? 'maintenance' : 'succeeded',
    label,
    detail: `until ${until} · ${issuer}`,
    problem: reason === '' ? '' : `It is not renewed yet: ${reason}`,
  };
}

/** "C = US, O = Let's Encrypt, CN = R3": the organization, else the common name. */
export function issuer_name(issuer: string): string {
  for (const part of ['O', 'CN']) {
    const found = new RegExp(`(?:^|, )${part} = (?:"([^"]*)"|([^,]*))`).exec(issuer);
    const name = found?.[1] ?? found?.[2];
    if (name) return name;
  }
  return issuer;
}

/** The blocks of a PEM text, certificates apart from keys: one file may hold both. */
export function split_pem(text: string): { chain: string; key: string } {
  const parts = { chain: '', key: '' };
  const blocks = /-----BEGIN ([A-Z0-9 ]+)-----[^]*?-----END \1-----/g;
  for (const [block, label] of text.matchAll(blocks)) {
    if (label === 'CERTIFICATE') parts.chain += `${block}\n`;
    else if (label?.endsWith('PRIVATE KEY')) parts.key += `${block}\n`;
  }
  return parts;
}
