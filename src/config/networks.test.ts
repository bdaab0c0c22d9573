import { describe, expect, test } from "bun:test";
import { WrongForm } from "./kinds.ts";
import { networks } from "./networks.ts";

describe("a list of networks", () => {
  test.each([
    ["10.0.0.0/8", ["10.0.0.0/8"]],
    ["10.1.2.3", ["10.1.2.3/32"]],
    ["0.0.0.0/0,::/0", ["0.0.0.0/0", "::/0"]],
    [" 10.0.0.0/8 , FD00:0:0::/8 ", ["10.0.0.0/8", "fd00::/8"]],
    ["::1", ["::1/128"]],
    ["::ffff:10.0.0.0/104", ["10.0.0.0/8"]],
    ["::ffff:10.0.0.1", ["10.0.0.1/32"]],
    ["none", []],
  ])("%p is read as %p", (given, wanted) => {
    expect(networks.parse(given)).toEqual(wanted);
  });

  test.each([
    "",
    ",",
    "10.0.0.0/8,",
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0.0/",
    "10/8",
    "010.0.0.0/8",
    "0x7f.0.0.1",
    "fe80::1%eth0",
    "example.com",
    "none,10.0.0.0/8",
  ])("%p is refused", (given) => {
    expect(() => networks.parse(given)).toThrow(WrongForm);
  });
});
