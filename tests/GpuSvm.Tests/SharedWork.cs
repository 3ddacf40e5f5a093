// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>Work on shared memory, by its participant's number and of how many.</summary>
internal delegate void SharedWork(Participant participant, int number, int count);
