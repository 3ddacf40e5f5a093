// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Host;

namespace GpuSvm.Native;

/// <content>Forks of the process.</content>
internal sealed partial class Session
{
    /// <summary>Gets ready for a fork, so that the child has every byte.</summary>
    /// <param name="begun">Receives what must be told of the fork's end (<see cref="HostAddressSpace.EndFork"/>).</param>
    /// <returns>As <see cref="HostAddressSpace.BeginFork"/>. <see cref="SvmStatus.Busy"/> to a kernel that forks: it would wait for its own windows.</returns>
    public SvmStatus BeginFork(List<HostAddressSpace> begun)
    {
        if (IsUnitThread)
            return SvmStatus.Busy;
        begun.Add(_host);
        SvmStatus status = _host.BeginFork();
        if (status == SvmStatus.ProcessGone)
            begun.RemoveAt(begun.Count - 1);
        return status;
    }
}
