/** What is known of a place: the fields of mmdb-ws by their names there. */
export type Location = Readonly<Record<string, string>>;

/** Where the place of an address is looked up. */
export interface GeoSource {
  /**
   * Looks an address up.
   *
   * @param address IPv4, or IPv6 as RFC 5952 writes it
   * @returns undefined where the source doesn't know it; rejects where the source fails
   */
  lookup(address: string): Promise<Location | undefined>;
  /** Ends what it holds open. */
  close(): void;
}
