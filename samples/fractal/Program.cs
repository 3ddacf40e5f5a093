// SPDX-License-Identifier: MIT
using GpuSvm;

// The Mandelbrot set: a kernel over a plane. Each group works on a tile of it, row by row.
const int Width = 78;
const int Height = 32;
using var memory = SharedMemory.Create();
using SharedArray<byte> picture = memory.Allocate<byte>(Width * Height);
using SharedArray<long> inside = memory.Allocate<long>(1);

var view = new View(picture, inside, Left: -2.2, Top: -1.2, Step: 0.04, Rows: 0.075);
using Launch launch = memory.Launch(Draw, view, new IndexSpace(Width, Height));
await launch.WaitAsync();

for (int y = 0; y < Height; y++)
    Console.WriteLine(string.Concat(picture.Slice(y * Width, Width).ToArray().Select(steps => " .:-=+*#%@"[steps / 10])));
Console.WriteLine($"{inside[0]} of {Width * Height} points are inside");

static void Draw(KernelContext context, in View view)
{
    WorkGroup group = context.Group;
    Span<byte> row = stackalloc byte[(int)group.Size.X];
    long found = 0;
    foreach (Index3 start in group.Rows)
    {
        for (int i = 0; i < row.Length; i++)
        {
            row[i] = Steps(view.Left + ((start.X + i) * view.Step), view.Top + (start.Y * view.Rows));
            found += row[i] == View.Most ? 1 : 0;
        }
        context.Write<byte>(view.Picture, context.Space.OffsetOf(start), row); // Private to shared memory, a row at a time.
    }
    context.AtomicAdd(view.Inside, 0, found); // All groups add to one number.
}

// How many steps a point stays near, at most View.Most.
static byte Steps(double x, double y)
{
    byte steps = 0;
    for (double a = 0, b = 0; steps < View.Most && (a * a) + (b * b) < 4; steps++)
        (a, b) = ((a * a) - (b * b) + x, (2 * a * b) + y);
    return steps;
}

/// <summary>What every group is given: arrays and numbers.</summary>
internal readonly record struct View(SharedArray<byte> Picture, SharedArray<long> Inside, double Left, double Top, double Step, double Rows)
{
    /// <summary>Steps after which a point counts as inside.</summary>
    public const byte Most = 99;
}
