"""Bytes where they are kept: files of this computer and objects of stores, packed or not."""
