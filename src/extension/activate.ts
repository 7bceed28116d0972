import { type ExtensionContext, languages, window, workspace } from 'vscode';
import { messageOf } from '../base/errors';
import { systemRandom } from '../base/random';
import { systemClock, systemTimers } from '../base/time';
import { registerApiCommands } from './api/apiCommands';
import { DeviceApi } from './api/deviceApi';
import type { ScratchSyncApi } from './api/scratchSync';
import { registerCommand } from './commands/command';
import { conflictCommands } from './commands/conflictCommands';
import { createCommands } from './commands/createCommands';
import { findCommands } from './commands/findCommands';
import { ItemChoice } from './commands/itemChoice';
import { itemCommands } from './commands/itemCommands';
import { syncCommands } from './commands/syncCommands';
import { upkeepCommands } from './commands/upkeepCommands';
import { conflictScheme } from './documents/conflictAddress';
import { ConflictFileSystem } from './documents/conflictFileSystem';
import { ConflictTabs } from './documents/conflictTabs';
import { DocumentLedger } from './documents/documentLedger';
import { itemScheme } from './documents/itemAddress';
import { ItemEditors } from './documents/itemEditors';
import { keptBases } from './documents/keptBases';
import { MergeDrafts } from './documents/mergeDrafts';
import { MergeLenses } from './documents/mergeLenses';
import { OpenDocuments } from './documents/openDocuments';
import { ScratchFileSystem } from './documents/scratchFileSystem';
import { VersionDocuments, versionScheme } from './documents/versionDocuments';
import { WindowFiles } from './documents/windowFiles';
import { editorDevice } from './host/editorDevice';
import { editorSecrets } from './host/editorSecrets';
import { channelLogger } from './host/logChannel';
import { Messages } from './host/messages';
import { SyncWiring } from './host/syncWiring';
import { settingKeys, settingsSection } from './manifest';
import { accountCommands } from './signIn/accountCommands';
import { signInCommands } from './signIn/signInCommands';
import { ActivityView } from './views/activityView';
import { ConflictsView } from './views/conflictsView';
import { DeviceStatus } from './views/deviceStatus';
import { ItemDecorations } from './views/itemDecorations';
import { ItemPages } from './views/itemPages';
import { ItemsView } from './views/itemsView';
import { ShowMoreItems } from './views/showMoreItems';
import { StatusBar } from './views/statusBar';

/** What the editor's `deactivate` has to wait for; it hands nothing over. */
let close: (() => Promise<unknown>) | undefined;

/** Puts the extension together. Nothing is opened: the device starts on first use, or when the editor is idle. */
export function activate(context: ExtensionContext): ScratchSyncApi {
  const startedMs = systemClock.monotonic();
  const log = window.createOutputChannel('Scratch Sync', { log: true });
  const logger = channelLogger(log);
  const onError = (error: unknown) =>
    logger.error('something failed by mistake', { error: messageOf(error) });
  const messages = new Messages(logger);
  const secrets = editorSecrets(context.secrets, process.env, logger);
  const device = editorDevice(context, secrets, logger);

  const windowFiles = new WindowFiles((context.storageUri ?? context.globalStorageUri).fsPath);
  close = () => Promise.all([device.close(), windowFiles.settled()]);
  const ledger = new DocumentLedger(keptBases(windowFiles, systemRandom.uuid(), onError));
  const files = new ScratchFileSystem(device, ledger);
  const documents = new OpenDocuments({ device, ledger, files, timers: systemTimers, logger });
  const drafts = new MergeDrafts(windowFiles, systemClock);
  const conflictFiles = new ConflictFileSystem(device, drafts);
  const conflictTabs = new ConflictTabs({ device, messages, logger });
  const editors = new ItemEditors(device, messages);

  const status = new DeviceStatus();
  const pages = new ItemPages(device, messages, systemTimers);
  const itemsView = new ItemsView({ device, messages, pages, status });
  const conflictsView = new ConflictsView({ device, messages, status });
  const activityView = new ActivityView({ device, status, clock: systemClock });
  const choice = new ItemChoice(device, messages, itemsView);
  const api = new DeviceApi(device, onError);
  const wiring = new SyncWiring({
    device,
    status,
    messages,
    logger,
    secrets,
    state: context.globalState,
    timers: systemTimers,
  });
  const hearers = [
    status,
    pages,
    documents,
    conflictFiles,
    conflictTabs,
    conflictsView,
    activityView,
    api,
    wiring,
  ];
  device
    .on(event => {
      for (const hearer of hearers) hearer.hear(event);
    })
    .catch(onError);

  const commands = [
    ...createCommands({ device, editors, messages, clock: systemClock, defaultLanguage }),
    ...itemCommands({ device, choice, editors, messages }),
    ...findCommands({ device, choice, editors, messages, timers: systemTimers, logger }),
    ...syncCommands({ device, messages, log }),
    ...conflictCommands({ device, drafts, tabs: conflictTabs, messages }),
    ...upkeepCommands({ device, messages, logger }),
    ...signInCommands({ device, messages }),
    ...accountCommands({ device, messages }),
    new ShowMoreItems(itemsView),
  ];
  context.subscriptions.push(
    log,
    status,
    pages,
    workspace.registerFileSystemProvider(itemScheme, files, { isCaseSensitive: true }),
    workspace.registerFileSystemProvider(conflictScheme, conflictFiles, { isCaseSensitive: true }),
    workspace.registerTextDocumentContentProvider(versionScheme, new VersionDocuments(device)),
    languages.registerCodeLensProvider({ scheme: conflictScheme, pattern: '/merge/**' }, new MergeLenses()),
    documents.start(),
    itemsView.start(),
    new ItemDecorations(pages, systemTimers).start(),
    conflictsView.start(),
    activityView.start(),
    new StatusBar(status),
    wiring.start(),
    ...commands.map(command => registerCommand(command, messages, logger)),
    ...registerApiCommands(api),
  );
  logger.info('activated', { tookMs: Math.round(systemClock.monotonic() - startedMs) });
  return api.typed();
}

export async function deactivate(): Promise<void> {
  await close?.();
}

function defaultLanguage(): string {
  const scope = window.activeTextEditor?.document;
  const language: unknown = workspace
    .getConfiguration(settingsSection, scope)
    .get(settingKeys.notesDefaultLanguage);
  return typeof language === 'string' && language !== '' ? language : 'markdown';
}
