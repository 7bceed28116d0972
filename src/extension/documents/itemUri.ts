import { Uri } from 'vscode';
import { type AddressedItem, itemPath, itemScheme } from './itemAddress';

export function itemUri(item: AddressedItem): Uri {
  return Uri.from({ scheme: itemScheme, authority: item.id, path: itemPath(item) });
}

/** The id of the item at an address; undefined for an address of something else. */
export function itemIdOfUri(uri: Uri): string | undefined {
  return uri.scheme === itemScheme && uri.authority !== '' ? uri.authority : undefined;
}
