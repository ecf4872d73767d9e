// SPDX-License-Identifier: Apache-2.0
// The API's shapes (docs/api.md), as far as the dashboard reads them.

export interface Account {
  id: string;
  email: string;
  name: string | null;
}

export type AppState =
  'empty' | 'running' | 'asleep' | 'crashed' | 'stopped' | 'maintenance' | 'deploying';

export interface ReplicaCount {
  ready: number;
  desired: number;
}

export interface App {
  id: string;
  name: string;
  web_url: string;
  git_url: string;
  maintenance: boolean;
  /** Whether its domains get certificates automatically. */
  acm: boolean;
  created_at: string;
  updated_at: string;
  released_at: string | null;
  state: AppState;
  release: number | null;
  replicas: Record<string, ReplicaCount>;
}

export interface Https {
  redirect: boolean;
  hsts: { max_age: number; include_subdomains: boolean; preload: boolean } | null;
}

export interface Build {
  id: string;
  status: 'pending' | 'succeeded' | 'failed';
  source_blob: { version: string | null };
  release: { id: string } | null;
  user: { id: string; email: string };
  message: string | null;
  created_at: string;
  updated_at: string;
}

export interface Release {
  id: string;
  version: number;
  description: string;
  status: 'pending' | 'succeeded' | 'failed';
  current: boolean;
  eligible_for_rollback: boolean;
  /** Percent of the requests that it gets until it is promoted. */
  canary: number | null;
  user: { id: string; email: string };
  commit: string | null;
  message: string | null;
  created_at: string;
}

export interface Answered {
  requests: number;
  failed: number;
  p95_ms: number;
}

export interface Canary {
  canary: Answered;
  regular: Answered;
}

export interface Autoscaling {
  min: number;
  max: number;
  rps: number;
}

export interface Formation {
  id: string;
  type: string;
  command: string;
  quantity: number;
  size: string;
  autoscaling: Autoscaling | null;
}

/** A replica; the Platform API calls it a dyno. `gone` comes only in notices. */
export interface Replica {
  id: string;
  name: string;
  type: string;
  command: string;
  size: string;
  state: 'starting' | 'up' | 'stopping' | 'crashed' | 'idle' | 'gone';
  release: { id: string; version: number };
  message: string | null;
  created_at: string;
  updated_at: string;
}

export interface Domain {
  id: string;
  hostname: string;
  kind: 'heroku' | 'custom';
  cname: string | null;
  status: string;
  /** How its automatic certificate fares; null where it gets none. */
  acm_status: 'pending' | 'failing' | 'cert issued' | null;
  acm_status_reason: string | null;
  certificate: {
    kind: 'own' | 'automatic' | 'operator' | 'development';
    issuer: string;
    expires_at: string;
  } | null;
}

export interface Certificate {
  id: string;
  domains: string[];
  ssl_cert: {
    issuer: string;
    'self_signed?': boolean;
    acm: boolean;
    expires_at: string;
  };
}

/** One second of an app's traffic. Times are in microseconds, null or 0 where nothing was answered. */
export interface TrafficSample {
  at: string;
  requests: number;
  in_flight: number;
  held: number;
  errors: number;
  p50_us: number | null;
  p95_us: number | null;
  replicas: number;
}

export interface LogSession {
  id: string;
  logplex_url: string;
}

export type ConfigVars = Record<string, string>;

export type Notice =
  | { type: 'app'; app: string; value?: App; deleted?: boolean }
  | { type: 'replica'; app: string; value: Replica }
  | { type: 'release'; app: string; value: Release }
  | { type: 'build'; app: string; value: Build }
  | { type: 'formation'; app: string; value: Formation }
  | { type: 'traffic'; app: string; value: TrafficSample };
