FROM scratch
RUN ["a", 1]
COPY [1, "b"]
CMD [["x"]]
