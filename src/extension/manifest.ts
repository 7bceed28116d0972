/**
 * The ids by which `package.json` and the code know each other. A test holds this file against the manifest.
 */

export const extensionId = 'scratch-sync.scratch-sync';

/** Contributed commands. */
export const commandIds = [
  'scratchSync.newNote',
  'scratchSync.newNoteFromSelection',
  'scratchSync.newNoteFromClipboard',
  'scratchSync.newSnippet',
  'scratchSync.newSnippetFromSelection',
  'scratchSync.newConfig',
  'scratchSync.openItem',
  'scratchSync.renameItem',
  'scratchSync.moveItem',
  'scratchSync.tagItem',
  'scratchSync.pinItem',
  'scratchSync.toggleSensitive',
  'scratchSync.deleteItem',
  'scratchSync.restoreItem',
  'scratchSync.copyItem',
  'scratchSync.duplicateItem',
  'scratchSync.search',
  'scratchSync.showHistory',
  'scratchSync.insertSnippet',
  'scratchSync.syncNow',
  'scratchSync.pauseSync',
  'scratchSync.resumeSync',
  'scratchSync.signIn',
  'scratchSync.signUp',
  'scratchSync.signOut',
  'scratchSync.unlock',
  'scratchSync.showStatus',
  'scratchSync.showLog',
  'scratchSync.compareConflict',
  'scratchSync.compareWithBase',
  'scratchSync.keepLocal',
  'scratchSync.keepRemote',
  'scratchSync.keepBoth',
  'scratchSync.editMerge',
  'scratchSync.acceptMerge',
  'scratchSync.undoResolution',
  'scratchSync.resolveAll',
  'scratchSync.takeSnapshot',
  'scratchSync.rollBack',
  'scratchSync.runDoctor',
  'scratchSync.listDevices',
  'scratchSync.revokeDevice',
  'scratchSync.changePassword',
  'scratchSync.showRecoveryPhrase',
  'scratchSync.rotateKey',
] as const;

/** Commands for lenses and for other programs: registered, not shown. */
export const internalCommandIds = [
  'scratchSync.acceptBlock',
  'scratchSync.reviewMassChange',
  'scratchSync.showMoreItems',
  'scratchSync.api.createItem',
  'scratchSync.api.getItem',
  'scratchSync.api.listItems',
  'scratchSync.api.searchItems',
  'scratchSync.api.updateItem',
  'scratchSync.api.deleteItem',
  'scratchSync.api.listConflicts',
  'scratchSync.api.resolveConflict',
  'scratchSync.api.sync',
] as const;

export type CommandId = (typeof commandIds)[number] | (typeof internalCommandIds)[number];

export const containerId = 'scratchSync';

export const viewIds = {
  items: 'scratchSync.items',
  conflicts: 'scratchSync.conflicts',
  activity: 'scratchSync.activity',
} as const;

export const contextKeys = {
  state: 'scratchSync:state',
  hasConflicts: 'scratchSync:hasConflicts',
  signedIn: 'scratchSync:signedIn',
} as const;

export const settingsSection = 'scratchSync';

/** Settings below {@link settingsSection}. */
export const settingKeys = {
  serverUrl: 'server.url',
  serverCertificateFile: 'server.certificateFile',
  syncEnabled: 'sync.enabled',
  syncOnSave: 'sync.onSave',
  syncOnFocus: 'sync.onFocus',
  syncIntervalSeconds: 'sync.intervalSeconds',
  conflictsText: 'conflicts.text',
  guardMaxChangedPercent: 'guard.maxChangedPercent',
  encryptionAtRest: 'encryption.atRest',
  historyKeepDays: 'history.keepDays',
  notesDefaultLanguage: 'notes.defaultLanguage',
} as const;
export type SettingKey = (typeof settingKeys)[keyof typeof settingKeys];
