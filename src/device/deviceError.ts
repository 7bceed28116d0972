/**
 * Why a device could not do what was asked: plain data, so that it crosses a thread. `message` is one line for a
 * person that says what to do; nothing was lost.
 */
export interface DeviceError {
  readonly code: DeviceErrorCode;
  readonly message: string;
}

export const deviceErrorCodes = [
  // Wrong usage or bad input.
  'badInput',
  'unknownItem',
  'unknownConflict',
  'unknownVersion',
  'unknownSnapshot',
  'unknownDevice',
  'tooLarge',
  'markersRemain',
  // The server is not reachable; changes wait.
  'unreachable',
  // Something answers at its address whose certificate is not trusted.
  'certificate',
  // Not signed in, or credentials refused.
  'notSignedIn',
  'badCredentials',
  'locked',
  'keyMissing',
  // Anything else that failed.
  'alreadySignedIn',
  'otherAccount',
  'tooManyRequests',
  'loginTaken',
  'inviteRequired',
  'refused',
  'massChange',
  'busy',
  'paused',
  'storage',
  'server',
  'conflicting',
] as const;

export type DeviceErrorCode = (typeof deviceErrorCodes)[number];
