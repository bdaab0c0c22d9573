# s3proxy as an image: Bun's own, the sources as they are, and the libraries they use. See docs/deploy.md.
FROM oven/bun:1.4.5-slim AS libraries
WORKDIR /app
COPY package.json package-lock.json ./
# Bun is in the image: what npm would bring of it is optional packages and a launcher.
RUN bun install --frozen-lockfile --production --omit=optional --ignore-scripts \
 && rm -r node_modules/bun node_modules/.bin

FROM oven/bun:1.4.5-slim
WORKDIR /app
COPY --from=libraries /app/node_modules node_modules
COPY package.json LICENSE deploy/health.ts ./
COPY src src
# A volume mounted here may belong to anyone who lets us write; the directory in it is ours.
RUN mkdir -p /var/cache/s3proxy && chown bun:bun /var/cache/s3proxy
ENV CACHE_DIR=/var/cache/s3proxy/objects CONSOLE=true
VOLUME /var/cache/s3proxy
EXPOSE 8000
# By number, so that Kubernetes can tell that it isn't root.
USER 1000:1000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["bun", "health.ts"]
ENTRYPOINT ["bun", "src/main.ts"]
