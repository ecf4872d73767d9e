// SPDX-License-Identifier: Apache-2.0
//
// The shapes of requests and answers. One word at the margin begins a shape; below it, a
// field and its type a line. Types: string, uuid, time, integer, number, boolean, null, any,
// another shape, [T] a list, {T} an object of any names, "a"|"b" one of these words. `T?` may
// be null; `field?` may be absent; a shape `Name = T` is another name for T. An object has no
// other fields than these. What an app's owner may set is in shapes_settings.cpp.
#include "api/schema.hpp"

namespace berth::api {

namespace {

constexpr std::string_view text = R"(
Error
  id string
  message string
  resource? string
  url? string
Empty
Health
  status string
Reference
  id uuid
  name string
AppReference
  id uuid
  name string?
IdReference
  id uuid
UserReference
  id uuid
  email string
Account
  id uuid
  email string
  name string
  allow_tracking boolean
  beta boolean
  verified boolean
  federated boolean
  two_factor_authentication boolean
  sms_number string?
  suspended_at time?
  delinquent_at time?
  default_organization any
  default_team any
  identity_provider any
  last_login time?
  created_at time
  updated_at time
AccessToken
  id uuid
  token string?
  expires_in integer?
Authorization
  id uuid
  description string
  scope [string]
  user UserReference
  access_token AccessToken
  client null
  grant null
  refresh_token null
  session null
  created_at time
  updated_at time
NewAuthorization
  description? string
  expires_in? integer?
  scope? [string]
Session
  user Account
NewSession
  token string
ReplicaCount
  ready integer
  desired integer
App
  id uuid
  name string
  web_url string
  git_url string
  maintenance boolean
  created_at time
  updated_at time
  released_at time?
  archived_at time?
  acm boolean
  buildpack_provided_description string?
  build_stack Reference
  stack Reference
  generation Reference
  owner UserReference
  region Reference
  space null
  team null
  organization null
  internal_routing boolean?
  repo_size integer?
  slug_size integer?
  state "empty"|"running"|"asleep"|"crashed"|"stopped"|"maintenance"|"deploying"
  release integer?
  replicas {ReplicaCount}
  preview Preview?
Preview
  name string
  app AppReference
  expires_at time?
AppFilter
  in AppFilterIn
AppFilterIn
  id [string]
PipelineOwner
  id uuid
  type "user"
Pipeline
  id uuid
  name string
  owner PipelineOwner
  generation Reference
  created_at time
  updated_at time
NewPipeline
  name string
  owner? any
  generation? any
PipelineUpdate
  name? string
PipelineCoupling
  id uuid
  app AppReference
  pipeline Reference
  stage "development"|"staging"|"production"
  created_at time
  updated_at time
NewPipelineCoupling
  app string
  pipeline string
  stage string
PipelineCouplingUpdate
  stage string
PromotionSource
  app IdReference
  release IdReference
PipelinePromotion
  id uuid
  pipeline IdReference
  source PromotionSource
  status "pending"|"completed"
  created_at time
  updated_at time
NewPromotionSource
  app IdReference
  release? IdReference
NewPromotionTarget
  app IdReference
NewPipelinePromotion
  pipeline IdReference
  source NewPromotionSource
  targets [NewPromotionTarget]
PipelinePromotionTarget
  id uuid
  pipeline_promotion IdReference
  app AppReference
  release IdReference?
  status "pending"|"succeeded"|"failed"
  error_message string?
NewApp
  name? string?
AppUpdate
  name? string
  maintenance? boolean
ConfigVars = {string}
ConfigVarsUpdate = {string?}
Release
  id uuid
  version integer
  app AppReference
  description string
  status "pending"|"succeeded"|"failed"
  current boolean
  user UserReference
  slug IdReference?
  addon_plan_names [string]
  eligible_for_rollback boolean
  output_stream_url string?
  created_at time
  updated_at time
  commit string?
  image string?
  processes {string}
  message string?
  canary integer?
Rollback
  release string
NewCanary
  release string
  weight integer
AnsweredRequests
  requests integer
  failed integer
  p95_ms number
Canary
  release Release
  weight integer
  promote string
  since time?
  canary AnsweredRequests
  regular AnsweredRequests
SourceBlob
  url string?
  version string?
  version_description string?
  checksum string?
Build
  id uuid
  app IdReference
  status "pending"|"succeeded"|"failed"
  source_blob SourceBlob
  output_stream_url string
  release IdReference?
  slug IdReference?
  stack string
  user UserReference
  buildpacks null
  created_at time
  updated_at time
  message string?
  image string?
SourceUrls
  get_url string
  put_url string
Source
  source_blob SourceUrls
NewSourceBlob
  url string
  checksum? string?
  version? string?
ImageOrigin
  archive? string
  reference? string
NewBuild
  source_blob? NewSourceBlob
  image? ImageOrigin
Image
  name string
  digest string
  size integer
  layers integer
NewImage
  archive string
  name? string?
Autoscaling
  min integer
  max integer
  rps number
AutoscalingUpdate
  min? integer
  max? integer
  rps? number
Limits
  memory_bytes integer
  cpu_milli integer
  pids integer
  disk_bytes integer
  disk_rate integer
  network_rate integer
Formation
  id uuid
  app AppReference
  type string
  command string
  quantity integer
  size string
  dyno_size Reference
  limits Limits
  created_at time
  updated_at time
  autoscaling Autoscaling?
FormationUpdate
  quantity? any
  size? string
  dyno_size? any
  autoscaling? AutoscalingUpdate?
FormationBatch
  updates [FormationBatchEntry]
FormationBatchEntry
  type string
  quantity? any
  size? string
  autoscaling? AutoscalingUpdate?
DynoRelease
  id uuid?
  version integer
CheckOfReplica
  name string
  state "waiting"|"passing"|"retrying"|"failing"
  failures integer
  answer string?
  answered_at time?
HealthCheck
  process_type string
  type "startup"|"liveness"|"readiness"
  name string
  what string
  attempts integer
  timeout number
  wait number
  interval number
  initial_delay number
  warn boolean
  replicas [CheckOfReplica]
CronJob
  name string
  command string
  schedule string
  timezone string
  concurrency "forbid"|"allow"|"replace"
  missed "skip"|"run_once"
  timeout integer
  suspended boolean
  next_run_at time?
  last_run CronRun?
CronRun
  id integer
  job string
  status "running"|"succeeded"|"failed"|"skipped"
  scheduled_at time?
  user string?
  process string?
  reason string?
  exit_code integer?
  seconds number?
  started_at time
  ended_at time?
VolumeMount
  process_type string
  path string
Volume
  id uuid
  name string
  size integer
  used integer
  shared boolean
  mounts [VolumeMount]
  snapshots integer
  snapshots_used integer
  restoring string?
  created_at time
  updated_at time
NewVolume
  name string
  size? string
  shared? boolean
  mounts [VolumeMount]
VolumeUpdate
  size string
VolumeSnapshot
  name string
  description string?
  size integer
  used integer
  created_at time
NewVolumeSnapshot
  description? string
VolumeRestore
  snapshot string
Dyno
  id string
  app AppReference
  name string
  type string
  command string
  size string
  state "starting"|"up"|"stopping"|"crashed"|"idle"
  release DynoRelease
  attach_url string?
  created_at time
  updated_at time
  message string?
NewDyno
  command string
  attach? boolean
  env? {any}
  size? string
  force_no_tty? boolean?
NewExec
  command string
  env? {any}
  force_no_tty? boolean?
Domain
  id uuid
  app AppReference
  hostname string
  path string?
  kind "heroku"|"custom"
  cname string?
  status "succeeded"
  acm_status string?
  acm_status_reason string?
  sni_endpoint Reference?
  certificate ShownCertificate?
  created_at time
  updated_at time
ShownCertificate
  kind "own"|"automatic"|"operator"|"development"
  issuer string
  expires_at time
NewDomain
  hostname string
  sni_endpoint? any
SniEndpoint
  id uuid
  name string
  display_name null
  app AppReference
  certificate_chain string
  domains [string]
  ssl_cert SslCertificate
  created_at time
  updated_at time
SslCertificate
  id uuid
  cert_domains [string]
  subject string
  issuer string
  self_signed?? boolean
  ca_signed?? boolean
  acm boolean
  starts_at time
  expires_at time
NewSniEndpoint
  certificate_chain string
  private_key string
  domains? [string]
SniEndpointUpdate
  certificate_chain string
  private_key string
Https
  redirect boolean
  hsts Hsts?
HttpsUpdate
  redirect? boolean
  hsts? Hsts?
Hsts
  max_age integer
  include_subdomains? boolean
  preload? boolean
DevelopmentAuthority
  domain string
  certificate string
BuildpackInstallation
  ordinal integer
  buildpack Buildpack
Buildpack
  url string
  name string
BuildpackUpdates
  updates [BuildpackUpdate]
BuildpackUpdate
  buildpack string
LogSession
  id uuid
  logplex_url string
  created_at time
  updated_at time
NewLogSession
  lines? integer
  tail? boolean
  dyno? string
  source? string
Traffic
  at time
  requests integer
  in_flight integer
  held integer
  errors integer
  p50_us integer
  p95_us integer
  replicas integer
Event
  sequence integer
  at time
  app string?
  user string
  kind string
  message string
Status = {any}
DiskUsage
  path string
  total_bytes integer
  free_bytes integer
  min_free_bytes integer
  reclaimable_bytes integer
  parts [DiskPart]
DiskPart
  name "images"|"layers"|"caches"|"work"|"git"|"logs"|"replicas"|"volumes"|"database"
  count integer
  bytes integer
  reclaimable_bytes integer
  shared_bytes? integer
  unique_bytes? integer
NewPrune
  dry_run? boolean
Prune
  dry_run boolean
  bytes integer
  images [string]
  blobs integer
  layers integer
  caches integer
  paths [string]
  free_bytes integer
Region
  id uuid
  name string
  description string
  country string
  locale string
  private_capable boolean
  provider {string}
  created_at time
  updated_at time
Stack
  id uuid
  name string
  default boolean
  state string
  created_at time
  updated_at time
OpenApi = {any}
)";

}  // namespace

std::string shape_text() { return std::string(text) + std::string(settings_shapes()); }

}  // namespace berth::api
