import { err, type Result } from '../base/result';
import type { DeviceErrorCode } from '../device/deviceError';

/** Why a command was not done; `message` is one line that says what to do. */
export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
}

/**
 * `usage`: the command was not understood. `itemRefused`: a sync left items out. `unsound`: the
 * doctor has found errors. `internal`: a bug.
 */
export type FailureCode = DeviceErrorCode | 'usage' | 'itemRefused' | 'unsound' | 'internal';

export const exitCodes = {
  done: 0,
  failed: 1,
  badInput: 2,
  unreachable: 3,
  refused: 4,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export function exitCodeOf(code: FailureCode): ExitCode {
  return exitCodeByFailure[code] ?? exitCodes.failed;
}

export function usage(message: string): Result<never, Failure> {
  return err({ code: 'usage', message });
}

/** What a failure of the device says, and the commands that mend it here. */
export function withCommands<F extends { readonly code?: FailureCode; readonly message: string }>(
  told: F,
): F {
  const commands = told.code === undefined ? undefined : mendingCommands[told.code];
  return commands === undefined ? told : { ...told, message: `${told.message} ${commands}` };
}

const mendingCommands: Readonly<Partial<Record<FailureCode, string>>> = {
  massChange:
    'scratch sync --accept-mass-change accepts it, scratch sync --reject-mass-change keeps what this device holds.',
  keyMissing: 'scratch unlock does so.',
  paused: 'Scratch: Resume Sync in the editor does so.',
  certificate: 'NODE_EXTRA_CA_CERTS in the environment names it.',
};

/** Whatever is not named here is `failed`. */
const exitCodeByFailure: Readonly<Partial<Record<FailureCode, ExitCode>>> = {
  usage: exitCodes.badInput,
  badInput: exitCodes.badInput,
  unknownItem: exitCodes.badInput,
  unknownConflict: exitCodes.badInput,
  unknownVersion: exitCodes.badInput,
  unknownSnapshot: exitCodes.badInput,
  unknownDevice: exitCodes.badInput,
  tooLarge: exitCodes.badInput,
  markersRemain: exitCodes.badInput,
  unreachable: exitCodes.unreachable,
  certificate: exitCodes.unreachable,
  notSignedIn: exitCodes.refused,
  badCredentials: exitCodes.refused,
  locked: exitCodes.refused,
  keyMissing: exitCodes.refused,
};
