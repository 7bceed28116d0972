/**
 * Where the opened key ring and the device token live: the editor's secret storage, or a file that only its owner
 * can read. Lent to the device by its host.
 */
export interface SecretStore {
  get(name: SecretName): Promise<string | undefined>;
  set(name: SecretName, value: string): Promise<void>;
  delete(name: SecretName): Promise<void>;
}

export type SecretName = 'session' | 'localKey';
