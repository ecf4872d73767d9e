// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Domain } from '../../../dashboard/src/lib/api/types';
import { certificate_words, issuer_name, split_pem } from '../../../dashboard/src/lib/certificate';

const now_ms = Date.parse('2027-01-10T12:00:00Z');
const day_ms = 24 * 3600 * 1000;

function domain(changes: Partial<Domain> = {}): Domain {
  return {
    id: '1',
    hostname: 'www.example.com',
    kind: 'custom',
    cname: 'shop.localhost',
    status: 'succeeded',
    acm_status: null,
    acm_status_reason: null,
    certificate: null,
    ...changes,
  };
}

type Kind = NonNullable<Domain['certificate']>['kind'];
const shown = (kind: Kind, days: number): Domain['certificate'] => ({
  kind,
  issuer: 'C = US, O = Example Trust, CN = EV 2',
  expires_at: new Date(now_ms + days * day_ms).toISOString(),
});

describe('what is said of a domain’s certificate', () => {
  it('says whose it is, until when, and from whom', () => {
    expect(certificate_words(domain({ certificate: shown('own', 40) }), now_ms)).toEqual({
      state: 'succeeded',
      label: 'your certificate',
      detail: 'until 19 Feb 2027 · Example Trust',
      problem: '',
    });
    expect(certificate_words(domain({ certificate: shown('operator', 40) }), now_ms).label).toBe(
      'the platform’s certificate',
    );
    expect(
      certificate_words(domain({ certificate: shown('development', 40) }), now_ms),
    ).toMatchObject({ state: 'none', detail: 'browsers warn of it' });
  });

  it('warns of one that somebody must renew by hand soon, and not of one that renews itself', () => {
    const state = (kind: Kind, days: number) =>
      certificate_words(domain({ certificate: shown(kind, days) }), now_ms).state;
    expect(state('own', 15)).toBe('succeeded');
    expect(state('own', 13)).toBe('maintenance');
    expect(state('operator', 13)).toBe('maintenance');
    expect(state('automatic', 13)).toBe('succeeded');
    expect(state('automatic', -1)).toBe('failed');
    expect(state('own', -1)).toBe('failed');
  });

  it('tells how an automatic one fares', () => {
    expect(certificate_words(domain({ acm_status: 'pending' }), now_ms).label).toBe(
      'certificate requested',
    );
    expect(
      certificate_words(domain({ acm_status: 'failing', acm_status_reason: 'no DNS' }), now_ms),
    ).toEqual({ state: 'failed', label: 'no certificate', detail: '', problem: 'no DNS' });
    expect(
      certificate_words(
        domain({
          acm_status: 'cert issued',
          acm_status_reason: 'no DNS',
          certificate: shown('automatic', 20),
        }),
        now_ms,
      ),
    ).toMatchObject({ state: 'maintenance', problem: 'It is not renewed yet: no DNS' });
  });

  it('says that there is none', () => {
    expect(certificate_words(domain(), now_ms)).toMatchObject({ state: 'none', detail: '' });
    expect(certificate_words(domain({ kind: 'heroku' }), now_ms).detail).toBe(
      'The platform serves no HTTPS',
    );
  });
});

describe('an issuer', () => {
  it('is called by its organization, else by its common name', () => {
    expect(issuer_name("C = US, O = Let's Encrypt, CN = R11")).toBe("Let's Encrypt");
    expect(issuer_name('O = "Trust, Inc.", CN = EV')).toBe('Trust, Inc.');
    expect(issuer_name('CN = Pebble Intermediate CA 1')).toBe('Pebble Intermediate CA 1');
    expect(issuer_name('something')).toBe('something');
  });
});

describe('PEM', () => {
  const block = (label: string) => `-----BEGIN ${label}-----\nAA==\n-----END ${label}-----\n`;

  it('is split into certificates and the key, whatever stands between', () => {
    const text = `Bag Attributes\n${block('EC PRIVATE KEY')}\nsubject=CN\n${block('CERTIFICATE')}${block('CERTIFICATE')}`;
    expect(split_pem(text)).toEqual({
      chain: block('CERTIFICATE') + block('CERTIFICATE'),
      key: block('EC PRIVATE KEY'),
    });
    expect(split_pem(block('CERTIFICATE')).key).toBe('');
    expect(split_pem('hello')).toEqual({ chain: '', key: '' });
    expect(split_pem('-----BEGIN CERTIFICATE-----\nAA==')).toEqual({ chain: '', key: '' });
  });
});
