"""Wrong answers to A1.6, written from the question alone."""

WRONG = [
    # 0 / 0 is not guarded: where both the gradient and rho are 0, the flow becomes nan.
    (
        "nan without a gradient",
        """
def data_step(flow, start, gradient, difference, lambda_, theta):
    limit = lambda_ * theta
    g2 = (gradient**2).sum(dim=1, keepdim=True)
    rho = difference[:, None] + (gradient * (flow - start)).sum(dim=1, keepdim=True)
    step = torch.where(
        rho < -limit * g2,
        limit * gradient,
        torch.where(rho > limit * g2, -limit * gradient, -rho * gradient / g2),
    )
    return flow + step
""",
    ),
    # Limits each component of the step to lambda theta, not to lambda theta times the gradient.
    (
        "limit for each component",
        """
def data_step(flow, start, gradient, difference, lambda_, theta):
    gx, gy = gradient[:, 0], gradient[:, 1]
    rho = difference + gx * (flow[:, 0] - start[:, 0]) + gy * (flow[:, 1] - start[:, 1])
    square = (gx**2 + gy**2).clamp(min=1e-12)
    step = -(rho / square)[:, None] * gradient
    return flow + step.clamp(-lambda_ * theta, lambda_ * theta)
""",
    ),
    # Goes from u0 instead of from u.
    (
        "step from the start",
        """
def data_step(flow, start, gradient, difference, lambda_, theta):
    limit = lambda_ * theta
    square = (gradient * gradient).sum(1)
    rho = difference + (gradient * (flow - start)).sum(1)
    factor = torch.zeros_like(rho)
    inside = (rho.abs() <= limit * square) & (square > 0)
    factor[inside] = -rho[inside] / square[inside]
    factor[rho < -limit * square] = limit
    factor[rho > limit * square] = -limit
    return start + factor[:, None] * gradient
""",
    ),
    # Adds 1e-3 to the squared gradient against the division by 0, which makes the step too short where the
    # gradient is small.
    (
        "a number added to the divisor",
        """
def data_step(flow, start, gradient, difference, lambda_, theta):
    limit = lambda_ * theta
    square = (gradient**2).sum(dim=1, keepdim=True)
    rho = difference.unsqueeze(1) + (gradient * (flow - start)).sum(dim=1, keepdim=True)
    move = -rho / (square + 1e-3)
    move = torch.where(rho < -limit * square, limit, move)
    move = torch.where(rho > limit * square, -limit, move)
    return flow + move * gradient
""",
    ),
    # Adds the step to the argument in place.
    (
        "input edited in place",
        """
def data_step(flow, start, gradient, difference, lambda_, theta):
    limit = lambda_ * theta
    square = (gradient**2).sum(dim=1, keepdim=True)
    rho = difference[:, None] + (gradient * (flow - start)).sum(dim=1, keepdim=True)
    move = torch.where(square > 0, -rho / square.clamp(min=1e-20), 0.0).clamp(-limit, limit)
    flow += move * gradient
    return flow
""",
    ),
]
