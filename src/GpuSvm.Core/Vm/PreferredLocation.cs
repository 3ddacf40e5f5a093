// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Vm;

/// <summary>Where pages would rather be: nowhere in particular, in RAM, or on one device of the VM.</summary>
public readonly record struct PreferredLocation
{
    /// <summary>The most devices a VM has.</summary>
    public const int MaxDevices = 64;

    private const sbyte SystemCode = -1;

    private readonly sbyte _code; // 0 none, -1 system, else a device's number + 1.

    /// <summary>Makes a location from its code.</summary>
    /// <param name="code">As the field says.</param>
    private PreferredLocation(sbyte code) => _code = code;

    /// <summary>No preference: the placement policy decides.</summary>
    public static PreferredLocation None => default;

    /// <summary>RAM.</summary>
    public static PreferredLocation System => new(SystemCode);

    /// <summary>Whether there is no preference.</summary>
    public bool IsNone => _code == 0;

    /// <summary>Whether it is RAM.</summary>
    public bool IsSystem => _code == SystemCode;

    /// <summary>The device's number in its VM; null for none and RAM.</summary>
    public int? Device => _code > 0 ? _code - 1 : null;

    /// <summary>One device.</summary>
    /// <param name="device">Its number in the VM, 0 to 63.</param>
    /// <returns>The location.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The number is none.</exception>
    public static PreferredLocation OnDevice(int device)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(device);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(device, MaxDevices);
        return new PreferredLocation((sbyte)(device + 1));
    }

    /// <summary>The location in words.</summary>
    /// <returns>"none", "system" or "device 3".</returns>
    public override string ToString() => IsNone ? "none" : IsSystem ? "system" : $"device {Device}";
}
