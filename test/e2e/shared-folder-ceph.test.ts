// Two servers that share a catalogue and a folder of CephFS, of which each has a mount of its own.

import { sharedFolderTests } from "../support/shared-folder-tests.ts";

sharedFolderTests("CephFS");
