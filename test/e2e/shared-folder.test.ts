// Two servers that share a catalogue and a folder on a disk of this machine.

import { sharedFolderTests } from "../support/shared-folder-tests.ts";

sharedFolderTests("a disk");
