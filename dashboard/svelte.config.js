// SPDX-License-Identifier: Apache-2.0
// Svelte 5 with runes everywhere; TypeScript's types are stripped by Svelte itself.
export default {
  compilerOptions: { runes: true },
};
