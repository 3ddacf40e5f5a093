// SPDX-License-Identifier: MIT
namespace GpuSvm.Repository.Tests.Scan;

/// <summary>The scanner finds each declaration once, and nothing inside bodies.</summary>
public sealed class DeclarationScannerTests
{
    private static string Names(string text) => string.Join(' ', DeclarationScanner.Scan(text).Select(found => $"{found.Kind}:{found.Name}"));

    [Theory]
    [InlineData("namespace A; public sealed class B { private int _c; public int D { get; set; } = 3; int E() => 4; }", "class:B field:_c member:D member:E")]
    [InlineData("namespace A { struct B { } }", "struct:B")]
    [InlineData("public readonly record struct B(int C) { public static B operator +(B a, int b) => new(a.C + b); }", "record:B member:operator")]
    [InlineData("record B; record class C(int D) : B { public override string ToString() { return \"}\"; } }", "record:B record:C member:ToString")]
    [InlineData("enum E : byte { [X] A = 1, B = 1 << 3, C }", "enum:E member:A member:B member:C")]
    [InlineData("class A { A(int b) : this() { } ~A() { } static A() { } }", "class:A member:.ctor member:.ctor member:.ctor")]
    [InlineData("class A { (int, int) B() => (1, 2); (int C, int D) _e = (1, 2); }", "class:A member:B field:_e")]
    [InlineData("class A { Dictionary<int, (int, List<int>)> _b = new() { [1] = (2, []) }; T C<T>(T d) where T : class => d; }", "class:A field:_b member:C")]
    [InlineData("unsafe class A { public delegate* unmanaged<int, void> B; delegate int C<T>(T d); }", "class:A field:B delegate:C")]
    [InlineData("class A { int this[int b] => b; event Action? C; event Action D { add { } remove { } } }", "class:A member:this member:C member:D")]
    [InlineData("class A { void B() { int C(int d) => d; void D() { } Action e = () => { }; } }", "class:A member:B")]
    [InlineData("class A { const int B = 3; static readonly int[] C = [1, 2]; }", "class:A constant:B field:C")]
    [InlineData("class A { void I<int>.B() { } int I.C { get => 1; } bool operator <=(A a, A b) => true; }", "class:A member:B member:C member:operator")]
    [InlineData("class A { string B => $\"{(C ? \"}\" : $\"{1:x}\")} {{\"; char D => '\"'; string E = @\"\\\"; int F; }", "class:A member:B member:D field:E field:F")]
    [InlineData("class A { string B => $\"\"\" { \"} \"\"\"; int C; }", "class:A member:B field:C")]
    [InlineData("#if X\n#endif\nclass A { /* } */ // }\n int B; }", "class:A field:B")]
    [InlineData("using X; Console.WriteLine(1); if (a) { b(); } static int F() { return 1; }", "")]
    [InlineData("static class A { extension(string b) { public int C => 1; } int D; }", "class:A member:C field:D")]
    [InlineData("interface I<T> where T : new() { int A { get; } static abstract void B(); }", "interface:I member:A member:B")]
    [InlineData("class A { [X(1)] [Y] public ref int B => ref c; ref struct C { } }", "class:A member:B struct:C")]
    public void FindsTypesAndMembers(string text, string expected) => Assert.Equal(expected, Names(text));

    [Fact]
    public void GivesEachDeclarationItsOwnDocumentationAndLine()
    {
        const string Text = """
            namespace A;

            /// <summary>About B.</summary>
            public class B
            {
                // no documentation
                void C()
                {
                    /// <summary>of a local function</summary>
                    void D() { }
                }

                /// <inheritdoc/>
                [X]
                int E;
            }
            """;
        IReadOnlyList<Declaration> found = DeclarationScanner.Scan(Text);
        Assert.Equal([("B", 4, true), ("C", 7, false), ("E", 14, true)], found.Select(one => (one.Name, one.Line, one.Documentation is not null)));
    }

    [Fact]
    public void ReadsValuesOfEnumMembers() =>
        Assert.Equal([null, 16, null], DeclarationScanner.Scan("enum E { A, B = 16, C = B }").Where(one => one.Kind == "member").Select(one => one.Value));
}
