using System.Diagnostics.CodeAnalysis;

namespace Grpc.Core;

/// <summary>Tells a server where the generated <c>BindService</c> of a service base class is.</summary>
[AttributeUsage(AttributeTargets.Class)]
public class BindServiceMethodAttribute(
    [DynamicallyAccessedMembers(BindServiceMethodAttribute.BoundMembers)] Type bindType,
    string bindMethodName) : Attribute
{
    // The server looks the method up by reflection, so trimming has to leave it in place.
    private const DynamicallyAccessedMemberTypes BoundMembers =
        DynamicallyAccessedMemberTypes.PublicMethods | DynamicallyAccessedMemberTypes.NonPublicMethods;

    [DynamicallyAccessedMembers(BoundMembers)]
    public Type BindType { get; } = bindType;

    public string BindMethodName { get; } = bindMethodName;
}
